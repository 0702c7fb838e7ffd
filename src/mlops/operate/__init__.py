"""Watch what is deployed, replace it gradually, and report when its requests have changed."""
