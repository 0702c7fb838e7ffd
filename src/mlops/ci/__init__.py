"""What CI runs and reports to the host of the repository."""
