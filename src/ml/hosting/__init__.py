"""What CI tells the host of the repository: comments, issues, releases, settings."""
