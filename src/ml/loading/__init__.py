"""Load on a running service, and what it must hold."""
