"""A text classifier, stage by stage: compose, ingest, prepare, train, evaluate, export."""
