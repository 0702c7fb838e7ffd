"""Compare what is served with what was judged, on the test split.

Reads: a folder as `export` writes it, reports/predictions.parquet
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from ml.config import Export
from ml.errors import ModelError

Floats = NDArray[np.float64]
BATCH = 32
CPUINFO = Path("/proc/cpuinfo")
PLACES = 6  # digits that the judged probabilities have


@dataclass(frozen=True)
class Judged:
    """What evaluate has found for each text of the test split."""

    texts: list[str]
    actual: NDArray[np.str_]
    probabilities: Floats


@dataclass(frozen=True)
class Parity:
    """How far a graph is from the trained model."""

    labels_agree: float
    accuracy_drop: float
    largest_probability_difference: float
    rows: int

    def figures(self) -> dict[str, float | int]:
        """Return the figures by name."""
        return asdict(self)


def judged(path: Path, labels: list[str]) -> Judged:
    """Read what the trained model answered when it was judged."""
    columns = ["text", "label", *(f"p_{label}" for label in labels)]
    if not path.exists():
        raise ModelError(f"{path} should hold the judged test split; run `make train` to make it")
    frame = pl.read_parquet(path)
    if not set(columns) <= set(frame.columns) or frame.is_empty():
        raise ModelError(
            f"{path} should hold rows with the columns {columns}, found {frame.height} with "
            f"{frame.columns}: another model was judged; run `make train`"
        )
    table = frame.select(columns[2:]).to_numpy()
    return Judged(frame["text"].to_list(), frame["label"].to_numpy(), table)


def probabilities(folder: Path, graph: str, texts: list[str]) -> Floats:
    """Return what the graph answers [texts, classes], one thread, batches sorted by length."""
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words.enable_truncation(signature["max_length"])
    words.enable_padding(
        direction=signature["padding_side"],
        pad_id=signature["pad_id"],
        pad_type_id=signature["pad_type_id"],
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", precise(CPUINFO))
    session = onnxruntime.InferenceSession(
        str(folder / graph), options, providers=["CPUExecutionProvider"]
    )
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    logits = np.zeros((len(texts), len(signature["labels"])))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = words.encode_batch([texts[row] for row in rows])
        logits[rows] = session.run(["logits"], _feed(batch, signature["inputs"]))[0]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def precise(cpuinfo: Path) -> str:
    """Return "1" where ONNX Runtime must be asked not to cut sums of int8 products, else "0".

    x86 without VNNI cuts them at 16 bits, which is fast and wrong. ONNX Runtime's exact way is slow
    with VNNI too, which needs it not; ARM ignores it.
    """
    return "0" if cpuinfo.exists() and "vnni" in cpuinfo.read_text(encoding="utf-8") else "1"


def compare(found: Floats, wanted: Judged, labels: list[str]) -> Parity:
    """Return how far the answers of a graph are from those of the trained model."""
    names = np.array(labels)
    before, after = names[wanted.probabilities.argmax(1)], names[found.argmax(1)]
    drop = (before == wanted.actual).mean() - (after == wanted.actual).mean()
    return Parity(
        labels_agree=round(float((before == after).mean()), PLACES),
        accuracy_drop=round(float(drop), PLACES),
        largest_probability_difference=round(
            float(np.abs(found - wanted.probabilities).max()), PLACES
        ),
        rows=len(found),
    )


def broken(parity: Parity, bounds: Export, difference: float) -> str:
    """Return in words which bounds a graph breaks, or nothing."""
    least, highest = bounds.labels_agree, bounds.accuracy_drop
    agree, drop = parity.labels_agree, parity.accuracy_drop
    most = parity.largest_probability_difference
    told = (
        (agree >= least, f"labels agree {agree:.4f} (at least {least})"),
        (drop <= highest, f"accuracy drops {drop:.4f} (at most {highest})"),
        (most <= difference, f"a probability differs by {most:.4f} (at most {difference})"),
    )
    # Asked this way round a NaN, which is neither more nor less, breaks a bound.
    return ", ".join(words for holds, words in told if not holds)


def _feed(batch: list[Encoding], inputs: list[str]) -> dict[str, Any]:
    values = {
        "input_ids": [text.ids for text in batch],
        "attention_mask": [text.attention_mask for text in batch],
        "token_type_ids": [text.type_ids for text in batch],
    }
    return {name: np.array(values[name], np.int64) for name in inputs}
