"""A dvc.lock as DVC writes it, small, for the tests of what reads one."""

from typing import Any

import yaml

PARTS = {
    "ingest": ["data/raw"],
    "prepare": ["data/prepared"],
    "train": ["models/model"],
    "evaluate": ["reports/metrics.json", "reports/predictions.parquet"],
    "export": ["models/serving"],
}
READS = {
    "prepare": ["data/raw"],
    "train": ["data/prepared", "src/ml/train.py"],
    "evaluate": ["models/model"],
    "export": ["models/model"],
}


def text(upto: str = "export", **hashes: str) -> str:
    """Return the lock after a stage; `hashes` by path with _ for / and ., else made of the path."""
    stages: dict[str, Any] = {}
    for name, outs in PARTS.items():
        parts = {"deps": READS.get(name, []), "outs": outs}
        stages[name] = {
            "cmd": f"python -m ml.{name}",
            **{
                kind: [{"path": p, "hash": "md5", "md5": of(p, hashes)} for p in paths]
                for kind, paths in parts.items()
            },
            "params": {"params.yaml": {"training": {"seed": int(hashes.get("seed", 0))}}},
        }
        if name == upto:
            break
    return yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)


def of(path: str, hashes: dict[str, str]) -> str:
    """Return the hash of a path."""
    return hashes.get(path.replace("/", "_").replace(".", "_"), f"md5 of {path}")
