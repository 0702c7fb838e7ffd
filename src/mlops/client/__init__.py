"""Talk to a running service, whoever stands in front of it."""
