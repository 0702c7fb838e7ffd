"""Used by every room: errors, files, hashes, paths, names."""
