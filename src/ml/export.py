"""Turn the trained model into what is served, and prove that it still predicts the same.

Reads: models/model/, reports/predictions.parquet
Writes: models/serving/, reports/export.json
"""

import logging
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from ml.model import model as classifier
from mlops.config import schema
from mlops.config.schema import Export
from mlops.core import hashing, outputs
from mlops.core.errors import ModelError, run
from mlops.export import graph, parity, quantize, signature
from mlops.export.parity import Parity, Predictions

log = logging.getLogger(__name__)

MODEL = Path("models/model")
SERVING = Path("models/serving")
PREDICTIONS = Path("reports/predictions.parquet")
REPORT = Path("reports/export.json")
CPU, GPU = "cpu.onnx", "gpu.onnx"


class Writer:
    """Writes graphs into a folder and compares each with the evaluated model."""

    def __init__(
        self, folder: Path, expected: Predictions, labels: list[str], bounds: Export
    ) -> None:
        self.folder = folder
        self.expected = expected
        self.labels = labels
        self.bounds = bounds

    def cpu(self, traced: ModelProto) -> tuple[str, Parity]:
        """Write the graph for CPUs; return its precision, int8 where that holds the bounds."""
        small = None
        if self.bounds.precision == "int8":
            small = quantize.int8(traced, self.bounds.int8_from)
            if small is None:
                log.info(
                    "skipped int8: the model is too small to gain from it (export.int8_from=%d)",
                    self.bounds.int8_from,
                )
        if small is not None:
            found, wrong = self._measure(small, CPU, self.bounds.int8_difference)
            if not wrong:
                return "int8", found
            log.warning("warning: serving fp32, because in int8 %s", wrong)
        found, wrong = self._measure(traced, CPU, self.bounds.fp32_difference)
        if wrong:
            raise ModelError(
                f"the exported graph differs from {MODEL} by more than its bounds: {wrong}, on "
                f"{found.rows} rows; a model of your own must not branch on values, since it is "
                "traced once (docs/pipeline.md, export). The bounds are in conf/: export"
            )
        return "fp32", found

    def gpu(self, traced: ModelProto) -> str | None:
        """Write the graph for GPUs where export.gpu is set; return its precision."""
        if not self.bounds.gpu:
            return None
        _, wrong = self._measure(quantize.half(traced), GPU, self.bounds.int8_difference)
        if wrong:
            raise ModelError(
                f"in fp16 {wrong}; set export.gpu=false to serve this model on CPUs alone"
            )
        return "fp16"

    def _measure(self, written: ModelProto, name: str, difference: float) -> tuple[Parity, str]:
        log.info("comparing %s with the trained model on %d texts", name, len(self.expected.texts))
        onnx.save(written, self.folder / name)
        found = parity.probabilities(self.folder, name, self.expected.texts)
        result = parity.compare(found, self.expected, self.labels)
        return result, parity.broken(result, self.bounds, difference)


def write(folder: Path, bounds: Export, pretrained: bool) -> dict[str, Any]:
    """Write all that the service reads; return the report."""
    model, tokenizer = classifier.load(MODEL)
    labels = [model.config.id2label[index] for index in range(model.config.num_labels)]
    expected = parity.read_predictions(PREDICTIONS, labels)
    log.info("exporting the model to ONNX")
    traced = graph.trace(model, tokenizer)
    described = signature.describe(tokenizer, graph.inputs(traced), labels)
    described |= {"model_sha256": hashing.digest(MODEL), "example": bounds.example}
    words = folder / "tokenizer.json"
    signature.write_tokenizer(tokenizer, words)
    if not pretrained:  # whose words are in pieces anyway
        length = described["max_length"]
        described["usual_unknown"] = signature.usual_unknown(words, length, expected.texts)
    outputs.write_json(folder / "signature.json", described)  # measuring reads it
    writer = Writer(folder, expected, labels, bounds)
    (precision, found), gpu = writer.cpu(traced), writer.gpu(traced)
    described |= {"precision": {"cpu": precision, "gpu": gpu}, "parity": found.figures()}
    outputs.write_json(folder / "signature.json", described)
    for path in folder.iterdir():
        path.chmod(0o644)  # the service runs as another user
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.onnx"))}
    return {"precision": described["precision"], "parity": described["parity"], "bytes": sizes}


def main() -> None:
    """Export the model, compare it with the trained one, write the report."""
    params = schema.load()
    with outputs.folder(SERVING) as folder:
        report = write(folder, params.export, params.model.pretrained is not None)
    outputs.write_json(REPORT, report)


if __name__ == "__main__":
    run(main)
