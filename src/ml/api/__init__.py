"""What a request to the service may look like, and how its texts are normalised."""
