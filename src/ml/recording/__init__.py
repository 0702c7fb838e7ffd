"""What a run tells of its origin: hashes of what went in and came out, packages, machine."""
