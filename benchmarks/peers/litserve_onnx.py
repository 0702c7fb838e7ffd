"""LitServe with batching and ONNX Runtime.

Run: SERVING=<folder> python litserve_onnx.py <port>
"""

import sys

import litserve
from onnx_model import Model


class Classification(litserve.LitAPI):
    """Gathers what waits into batches, as LitServe's documentation does."""

    def setup(self, device: str) -> None:
        """Load the model once for each worker."""
        del device
        self.model = Model()

    def decode_request(self, request: dict[str, str]) -> str:
        """Take the text out of a request."""
        return request["text"]

    def predict(self, texts: list[str]) -> list[dict[str, object]]:
        """Judge a batch."""
        return self.model.predict(list(texts))

    def encode_response(self, output: dict[str, object]) -> dict[str, object]:
        """Answer as the model does."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(
        Classification(max_batch_size=8, batch_timeout=0.002),
        accelerator="cpu",
        workers_per_device=2,
    )
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
