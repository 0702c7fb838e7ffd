"""Turn the trained model into what is served, and prove that it still answers the same.

Reads: models/model/, reports/predictions.parquet
Writes: models/serving/, reports/export.json
"""

import logging
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from ml.model import model
from mlops.config import schema
from mlops.config.schema import Export
from mlops.core import hashing, outputs
from mlops.core.errors import ModelError, run
from mlops.export import graph, parity, quantize, signature
from mlops.export.parity import Judged, Parity

log = logging.getLogger(__name__)

MODEL = Path("models/model")
SERVING = Path("models/serving")
PREDICTIONS = Path("reports/predictions.parquet")
REPORT = Path("reports/export.json")
CPU, GPU = "cpu.onnx", "gpu.onnx"


class Writer:
    """Writes graphs into a folder and measures each against the judged answers."""

    def __init__(self, folder: Path, wanted: Judged, labels: list[str], bounds: Export) -> None:
        self.folder = folder
        self.wanted = wanted
        self.labels = labels
        self.bounds = bounds

    def cpu(self, traced: ModelProto) -> tuple[str, Parity]:
        """Write the graph for CPUs; return its precision, int8 where that holds the bounds."""
        small = None
        if self.bounds.precision == "int8":
            small = quantize.int8(traced, self.bounds.int8_from)
            if small is None:
                log.info("fp32: no matrix has export.int8_from=%d weights", self.bounds.int8_from)
        if small is not None:
            found, wrong = self._measure(small, CPU, self.bounds.int8_difference)
            if not wrong:
                return "int8", found
            log.warning("warning: fp32 is served, for in int8 %s", wrong)
        found, wrong = self._measure(traced, CPU, self.bounds.fp32_difference)
        if wrong:
            raise ModelError(
                f"the exported graph should answer as {MODEL} did when it was judged, but {wrong}, "
                f"on {found.rows} rows; a network of your own must not branch on values: it is "
                "traced once (docs/pipeline.md, export). The bounds are in conf/: export"
            )
        return "fp32", found

    def gpu(self, traced: ModelProto) -> str | None:
        """Write the graph for GPUs where it is asked for; return its precision."""
        if not self.bounds.gpu:
            return None
        _, wrong = self._measure(quantize.half(traced), GPU, self.bounds.int8_difference)
        if wrong:
            raise ModelError(
                f"in fp16 {wrong}; set export.gpu=false to serve this model on CPUs alone"
            )
        return "fp16"

    def _measure(self, written: ModelProto, name: str, difference: float) -> tuple[Parity, str]:
        log.info("comparing %s with the trained model on %d texts", name, len(self.wanted.texts))
        onnx.save(written, self.folder / name)
        found = parity.probabilities(self.folder, name, self.wanted.texts)
        result = parity.compare(found, self.wanted, self.labels)
        return result, parity.broken(result, self.bounds, difference)


def write(folder: Path, bounds: Export) -> dict[str, Any]:
    """Write all that the service reads; return what the report tells."""
    network, words = model.load(MODEL)
    labels = [network.config.id2label[index] for index in range(network.config.num_labels)]
    wanted = parity.judged(PREDICTIONS, labels)
    log.info("writing the model as a graph")
    traced = graph.trace(network, words)
    facts = signature.describe(words, graph.inputs(traced), labels)
    facts |= {"model_sha256": hashing.digest(MODEL), "example": bounds.example}
    signature.write_tokenizer(words, folder / "tokenizer.json")
    outputs.write_json(folder / "signature.json", facts)  # measuring reads it
    writer = Writer(folder, wanted, labels, bounds)
    (precision, found), gpu = writer.cpu(traced), writer.gpu(traced)
    facts |= {"precision": {"cpu": precision, "gpu": gpu}, "parity": found.figures()}
    outputs.write_json(folder / "signature.json", facts)
    for path in folder.iterdir():
        path.chmod(0o644)  # the service runs as another user
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.onnx"))}
    return {"precision": facts["precision"], "parity": facts["parity"], "bytes": sizes}


def main() -> None:
    """Run the stage."""
    params = schema.load()
    with outputs.folder(SERVING) as folder:
        report = write(folder, params.export)
    outputs.write_json(REPORT, report)


if __name__ == "__main__":
    run(main)
