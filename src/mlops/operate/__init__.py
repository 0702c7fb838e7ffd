"""Watch what is deployed, replace it gradually, and tell when the requests have changed."""
