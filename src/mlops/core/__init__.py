"""What every room stands on: errors, files, hashes, paths, names."""
