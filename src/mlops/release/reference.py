"""What a version answered on held-out rows when it was registered: requests are compared with it.

The graph that is served predicts them, not the trained model: on training rows, or before export,
it is surer than it will ever be of a request.

Reads: the files of a version, or a release that is laid out (bento/, reports/predictions.parquet)
Writes: reports/reference.parquet in that release
"""

import tempfile
from pathlib import Path

import pyarrow as pa

from mlops.core import files, hashing, outputs
from mlops.core.errors import OperateError
from mlops.release.evidence import BENTO, REPORTS
from mlops.release.versions import version_files
from mlops.release.versions.registry import Registry, Version
from mlops.serving.engine import Engine

FILE, PREDICTIONS = "reference.parquet", "predictions.parquet"
MOST = 5_000  # rows: more add little, and each is predicted once again
PLACES = 6  # digits of a probability: the same on every machine
# As the request log has them (docs/operate.md).
SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "label": pa.string(),
        "confidence": pa.float64(),
        "tokens": pa.int64(),
        "unknown_share": pa.float64(),
        "truncated": pa.bool_(),
    }
)


def write(release: Path) -> None:
    """Add to a release what its served graph answers on the test split."""
    table = answer(release / BENTO, held_out(release / REPORTS / PREDICTIONS))
    with outputs.TableWriter(release / REPORTS / FILE, SCHEMA) as writer:
        writer.write(table.to_batches())


def read(registry: Registry, version: Version) -> pa.Table:
    """Return the reference of a version; one that was registered without it answers now."""
    with tempfile.TemporaryDirectory(prefix="reference-") as name:
        folder = Path(name)
        reports = version_files.fetch(registry, version, folder / REPORTS, REPORTS)
        if (reports / FILE).exists():
            return files.read_parquet(reports / FILE, *SCHEMA.names).to_arrow().cast(SCHEMA)
        if not (reports / PREDICTIONS).exists():
            raise OperateError(
                f"{version} has no held-out rows to compare with; deploy a version that was "
                "registered since 0.4.0"
            )
        bento = version_files.fetch(registry, version, folder / BENTO, BENTO)
        return answer(bento, held_out(reports / PREDICTIONS))


def held_out(path: Path) -> list[str]:
    """Return the texts of the test split; of a large one those whose hashes are the smallest."""
    texts: list[str] = files.read_parquet(path, "text", only=True)["text"].to_list()
    if len(texts) > MOST:
        texts = sorted(texts, key=lambda text: hashing.unit(text, FILE))[:MOST]
    return texts


def answer(bento: Path, texts: list[str]) -> pa.Table:
    """Return what the graph of a Bento answers, a row for each text."""
    found = Engine(bento).predict(texts)
    rows = [
        {
            "text": text,
            "label": one.label,
            "confidence": round(max(one.probabilities.values()), PLACES),
            "tokens": one.tokens,
            "unknown_share": one.unknown,
            "truncated": one.truncated,
        }
        for text, one in zip(texts, found, strict=True)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)
