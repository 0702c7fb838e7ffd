"""What runs in the Bento: ONNX Runtime and tokenizers, nothing that trains."""
