"""What the test split says about a model."""
