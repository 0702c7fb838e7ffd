"""What DVC shares through S3: where, in which bounds, whether it is whole, how long it is kept."""
