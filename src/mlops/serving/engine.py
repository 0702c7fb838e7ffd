"""From texts to probabilities, with ONNX Runtime and tokenizers.

Reads: cpu.onnx or gpu.onnx, tokenizer.json, signature.json
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from mlops.serving.settings import Signature
from mlops.serving.vocabulary import Vocabulary

log = logging.getLogger(__name__)

GPU = "CUDAExecutionProvider"
CPUINFO = Path("/proc/cpuinfo")
# Texts share a batch while the shortest fills so much of it: more padding costs more than it saves.
LEAST_FILLED = 0.8


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of a text."""

    label: str
    probabilities: dict[str, float]
    tokens: int
    truncated: bool
    unknown: float = 0.0  # share of the words that the model has never seen
    words: int = 0
    unknown_words: int = 0
    warning: str = ""


class Engine:
    """An exported model, ready to predict; safe to call from several threads."""

    def __init__(
        self,
        folder: Path,
        threads: int = 1,
        device: str = "cpu",
        batch_items: int = 16,
        graph: str | None = None,  # another one than the device's, as `export` compares them
    ) -> None:
        self.signature = Signature.model_validate_json((folder / "signature.json").read_bytes())
        self.batch_items = batch_items
        # Longer texts are cut by the tokenizer itself, as in training; what it cut off tells of it.
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(self.signature.max_length)
        self._vocabulary = Vocabulary(self._tokenizer, self.signature.usual_unknown)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Plans are kept for each shape of input: as many as there are lengths and batch sizes.
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.x64quantprecision", exact(CPUINFO))
        session = _on_gpu(folder / "gpu.onnx", options) if device == "cuda" else None
        self.device = "cuda" if session else "cpu"
        self.precision = self.signature.precision["gpu" if session else "cpu"]
        self._session = session or onnxruntime.InferenceSession(
            str(folder / (graph or "cpu.onnx")), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Return what the model says of each text, in their order."""
        # `encode` would keep all other threads waiting, the event loop too: 0.9 s for one odd text.
        found = [self._tokenizer.encode_batch_fast([text])[0] for text in texts]
        results: list[Prediction | None] = [None] * len(found)
        for rows in self._batches([len(encoding) for encoding in found]):
            probabilities = self._run([found[row] for row in rows])
            for row, values in zip(rows, probabilities, strict=True):
                results[row] = self._prediction(texts[row], found[row], values)
        return [result for result in results if result is not None]

    def _batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Yield the rows of batches of near-equal lengths."""
        batch: list[int] = []
        for row in sorted(range(len(lengths)), key=lengths.__getitem__):
            full = len(batch) == self.batch_items
            if batch and (full or lengths[batch[0]] < LEAST_FILLED * lengths[row]):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _run(self, encodings: list[Encoding]) -> NDArray[np.float64]:
        longest = max(map(len, encodings))
        columns = {
            "input_ids": ([e.ids for e in encodings], self.signature.pad_id),
            "attention_mask": ([e.attention_mask for e in encodings], 0),
            "token_type_ids": ([e.type_ids for e in encodings], self.signature.pad_type_id),
        }
        left = self.signature.padding_side == "left"
        feed = {
            name: _pad(*columns[name], longest=longest, left=left) for name in self.signature.inputs
        }
        logits = self._session.run(["logits"], feed)[0].astype(np.float64)
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def _prediction(
        self, text: str, encoding: Encoding, probabilities: NDArray[np.float64]
    ) -> Prediction:
        values, ids = probabilities.tolist(), encoding.ids
        found = self._vocabulary.look(text, ids)
        return Prediction(
            label=self.signature.labels[values.index(max(values))],
            probabilities=dict(zip(self.signature.labels, values, strict=True)),
            tokens=len(ids),
            truncated=bool(encoding.overflowing),
            unknown=found.share,
            words=found.words,
            unknown_words=found.unknown,
            warning=found.warning,
        )


def exact(cpuinfo: Path) -> str:
    """Return "1" where ONNX Runtime must be asked not to cut sums of int8 products, else "0".

    x86 without VNNI cuts them at 16 bits, which is fast and wrong. ONNX Runtime's exact way is slow
    with VNNI too, which needs it not; ARM ignores it.
    """
    return "0" if cpuinfo.exists() and "vnni" in cpuinfo.read_text(encoding="utf-8") else "1"


def _on_gpu(graph: Path, options: Any) -> Any | None:
    """Open the graph on the GPU; None, with a warning, where anything that it needs is missing."""
    if not graph.exists():
        lacking = graph.name
    elif GPU not in onnxruntime.get_available_providers():
        lacking = "onnxruntime-gpu, which `make package` puts into the Bento"
    else:
        onnxruntime.preload_dlls()  # from NVIDIA's packages, where these are installed
        session = onnxruntime.InferenceSession(str(graph), options, providers=[GPU])
        # Without a GPU or its libraries ONNX Runtime takes the CPU, on which fp16 is slow.
        if GPU in session.get_providers():
            return session
        lacking = "a GPU with its driver, or CUDA's libraries"
    log.warning("warning: serving.device is cuda, but the CPU serves; missing is %s", lacking)
    return None


def _pad(rows: list[list[int]], value: int, *, longest: int, left: bool) -> NDArray[np.int64]:
    """Return the rows as one array, filled up to the longest on the side that the model expects."""
    filled = []
    for row in rows:
        gap = [value] * (longest - len(row))
        filled.append(gap + row if left else row + gap)
    return np.array(filled, dtype=np.int64)
