"""What DVC shares through S3: where, in which bounds, and whether it is whole."""
