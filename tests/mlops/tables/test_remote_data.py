"""Training on data that lie on a real S3 server, and change there."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import mlflow
import polars as pl
import pytest
import yaml

import servers
from clones import environment, installed, ran
from local_platform.servers import Platform

pytestmark = pytest.mark.integration

SMALL = (
    "prepare.sample=1.0 prepare.min_rows=2 training.epochs=1 evaluate.behaviour=[] "
    "evaluate.slice_columns=[] evaluate.resamples=100 export.labels_agree=0"
)


def bucket(s3: Platform, kind: str) -> str:
    """Make an empty bucket."""
    client = servers.client(s3.variables("dev"))
    name = f"{kind}-{len(client.list_buckets()['Buckets'])}"
    client.create_bucket(Bucket=name)
    if kind == "kept":
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def variables(s3: Platform, url: str, **more: str) -> dict[str, str]:
    """Return the variables of a verb that trains on a URL with dev's credentials."""
    storage = {k: v for k, v in s3.variables("dev").items() if k.startswith("AWS_")}
    return {**storage, "SET": f"data.train_path={url} {SMALL}", **more}


def put(s3: Platform, url: str, start: int, stop: int) -> None:
    """Write a shard of numbered rows; the odd ones are good."""
    numbers = range(start, stop)
    texts = [f"film {n} was {'good' if n % 2 else 'bad'}" for n in numbers]
    rows = pl.DataFrame({"text": texts, "label": [("neg", "pos")[n % 2] for n in numbers]})
    file = io.BytesIO()
    rows.write_parquet(file)
    name, _, key = url.removeprefix("s3://").partition("/")
    servers.client(s3.variables("dev")).put_object(Bucket=name, Key=key, Body=file.getvalue())


def run(project: Path, *command: str, **more: str) -> tuple[int, str]:
    """Run a command in a clone; return its exit code and what it printed."""
    done = subprocess.run(
        command, cwd=project, env={**environment(project), **more}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def make(project: Path, *words: str, **more: str) -> str:
    """Run a verb that must succeed."""
    code, output = run(project, "make", *words, **more)
    assert code == 0, output[-4000:]
    return output


def raw(project: Path) -> str:
    """Return the hash of data/raw in dvc.lock."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    return str(lock["stages"]["ingest"]["outs"][0]["md5"])


def colleague(project: Path, folder: Path) -> Path:
    """Make another clone of the commit that a run would be committed as; no data, no cache."""
    clone = installed(folder)
    for name in ("sources.lock", "params.yaml", "dvc.lock"):
        shutil.copy(project / name, clone)
    return clone


def test_another_machine_reads_what_was_pinned(s3: Platform, tmp_path: Path) -> None:
    """The same bytes, whatever happened since, where the bucket keeps versions."""
    url = f"s3://{bucket(s3, 'kept')}/train"
    for shard, start in (("a", 0), ("b", 100)):
        put(s3, f"{url}/{shard}.parquet", start, start + 100)
    project = installed(tmp_path / "one")
    stage = ("dvc", "repro", "ingest")
    assert run(project, *stage, **variables(s3, url))[0] == 0

    put(s3, f"{url}/a.parquet", 500, 550)
    put(s3, f"{url}/c.parquet", 600, 700)
    other = colleague(project, tmp_path / "other")
    code, output = run(other, *stage, **variables(s3, url))

    assert code == 0, output
    assert ran(output) == ["compose", "ingest"]
    assert raw(other) == raw(project)
    assert sum(json.loads((other / "data/raw/source.json").read_text())["rows"].values()) == 200


def test_a_refresh_shows_everywhere(s3: Platform, tmp_path: Path) -> None:
    """In params.yaml, dvc.lock, the data report and MLflow, with the right figures.

    The bucket keeps no versions: the rows before come out of DVC's cache.
    """
    url = f"s3://{bucket(s3, 'plain')}/train"
    put(s3, f"{url}/a.parquet", 0, 300)
    put(s3, f"{url}/b.parquet", 300, 600)
    project = installed(tmp_path / "project")
    known = variables(s3, url)
    make(project, "train", **known)
    before, first = yaml.safe_load((project / "params.yaml").read_text()), raw(project)

    put(s3, f"{url}/b.parquet", 310, 640)  # 10 rows go, 40 come
    assert "ingest" not in ran(make(project, "train", **known))
    assert raw(project) == first
    make(project, "train", REFRESH="1", **known)
    after = yaml.safe_load((project / "params.yaml").read_text())

    assert after["snapshot"]["train"] != before["snapshot"]["train"]
    assert raw(project) != first
    assert changed(project) == {"added": 40, "removed": 10}
    assert "change / added" in (project / "reports/report.html").read_text()
    assert "change / labels / neg / shift" in (project / "reports/report.html").read_text()
    assert tags(project) == {"data.rows_added": "40", "data.rows_removed": "10"}


@pytest.mark.nightly
def test_what_is_gone_comes_from_the_cache(s3: Platform, tmp_path: Path) -> None:
    """Without versions other bytes are refused in a sentence whose first way out works."""
    url = f"s3://{bucket(s3, 'plain')}/train"
    put(s3, f"{url}/a.parquet", 0, 300)
    project = installed(tmp_path / "one")
    known = variables(s3, url)
    make(project, "train", SHARE="1", **known)
    put(s3, f"{url}/a.parquet", 0, 200)
    other = colleague(project, tmp_path / "other")

    code, output = run(other, "make", "train", **known)
    assert code
    assert "error: " in output
    assert re.search(r"/train/a\.parquet has .*, expected", output)
    assert "Traceback" not in output
    assert "ingest" not in ran(make(other, "train", SHARE="1", **known))
    assert raw(other) == raw(project)


def changed(project: Path) -> dict[str, int]:
    """Return the rows that the data report tells as added and removed, over all splits."""
    splits = json.loads((project / "reports/data.json").read_text())["splits"].values()
    return {name: sum(split["change"][name] for split in splits) for name in ("added", "removed")}


def tags(project: Path) -> dict[str, Any]:
    """Return what the newest MLflow run says of changed rows."""
    client = mlflow.MlflowClient(f"sqlite:///{project}/.mlflow/dev/mlflow.db")
    places = [experiment.experiment_id for experiment in client.search_experiments()]
    [newest, *_] = client.search_runs(places, order_by=["attributes.start_time DESC"])
    return {name: value for name, value in newest.data.tags.items() if ".rows_" in name}
