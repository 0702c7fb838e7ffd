"""From the trained model to what the service reads: graph, int8, fp16, parity."""
