"""Registered versions, their files, and the history of deployments."""
