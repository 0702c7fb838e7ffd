"""Turn the trained model into what the service loads: graph, int8, fp16, parity."""
