"""What is trained and how: model, tokenizer, batches, losses, Trainer."""
