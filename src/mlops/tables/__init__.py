"""Read data sources, and choose the rows that may train a model."""
