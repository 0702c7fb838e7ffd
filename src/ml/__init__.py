"""A text classifier from configuration to judged model: compose, ingest, prepare, train, evaluate."""
