"""Build a run again, far from the work tree, and compare what comes out with what was recorded."""
