"""Watch what is deployed, replace it gradually, and notice when the requests have changed."""
