"""Around the DVC pipeline: compose, validate, smoke, summary, merge conflicts."""
