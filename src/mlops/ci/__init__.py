"""What CI runs, and reports to GitHub or GitLab."""
