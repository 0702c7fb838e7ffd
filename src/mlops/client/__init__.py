"""Talk to a running service, whatever is in front of it."""
