"""How a model is trained: Trainer, batches, checkpoints, hardware, model files."""
