"""What several test files share: where the project lies, a small data set, a small project."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from mlops.config.schema import Params

ROOT = Path(__file__).parents[1]
GOOD = ("good", "fine", "great", "lovely")
BAD = ("bad", "poor", "awful", "dull")


def composed(folder: Path) -> Path:
    """Lay what was composed last into a folder; its hashes stand for data that only some have."""
    for path in (ROOT / "sources.lock", ROOT / "params.yaml"):
        if path.exists():
            shutil.copy(path, folder)
    return folder / "params.yaml"


def prepare_rows(project: Path, empty_store: Path) -> None:
    """Write rows as `prepare` leaves them: 48 to train, 16 each to validate and to test."""
    folder = project / "data" / "prepared"
    folder.mkdir(parents=True)
    start = 0
    for name, rows in (("train", 48), ("val", 16), ("test", 16)):
        pl.DataFrame(verdicts(start, rows)).write_parquet(folder / f"{name}.parquet")
        start += rows
    labels = {"labels": ["negative", "positive"], "synthetic": False}
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    for environment in ("dev", "qa"):
        store = project / ".mlflow" / environment
        store.mkdir(parents=True)
        shutil.copy(empty_store, store)


def verdicts(start: int, rows: int) -> dict[str, list[Any]]:
    """Return short texts of different lengths whose one adjective decides the label."""
    numbers = range(start, start + rows)
    words = [(GOOD if n % 2 else BAD)[n // 2 % 4] for n in numbers]
    texts = [
        f"film {n} was {word}" + " indeed" * (n % 5) for n, word in zip(numbers, words, strict=True)
    ]
    return {"text": texts, "label": [n % 2 for n in numbers]}


def write_params(params: Params) -> None:
    """Write params.yaml into the current folder."""
    Path("params.yaml").write_text(yaml.safe_dump(params.model_dump()), encoding="utf-8")
