"""What may be deleted when it is old enough, and what something still needs."""
