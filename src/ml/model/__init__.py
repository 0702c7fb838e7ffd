"""The model of this project: networks, losses, tokenizer."""
