"""The gate: evidence of a model, criteria, verdict."""
