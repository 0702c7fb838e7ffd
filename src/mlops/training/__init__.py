"""Train a model: Trainer, batches, checkpoints, hardware, model files."""
