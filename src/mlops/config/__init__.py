"""Read and check conf/; turn mistakes in it into helpful messages."""
