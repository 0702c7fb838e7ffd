"""What is kept of the requests; off unless REQUEST_LOG names a folder."""
