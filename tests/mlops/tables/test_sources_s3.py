"""Data on a real S3 server: pinned, refreshed, and what fails in one sentence."""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
import s3fs

import servers
from common import ROOT
from local_platform.servers import Platform
from ml import ingest
from ml.config import Params
from mlops.config import schema
from mlops.core.errors import DataError
from mlops.pipeline import compose
from mlops.pipeline.snapshot import taken
from mlops.tables import pins, splits
from mlops.tracking.provenance import rows_changed

pytestmark = pytest.mark.integration

Make = Callable[..., Params]
WRITE: dict[str, Callable[[pl.DataFrame, io.BytesIO], Any]] = {
    "csv": lambda rows, file: rows.write_csv(file),
    "jsonl": lambda rows, file: rows.write_ndjson(file),
    "parquet": lambda rows, file: rows.write_parquet(file),
}


class Bucket:
    """A bucket of the environment dev."""

    def __init__(self, s3: Platform, versioned: bool) -> None:
        self.client = servers.client(s3.variables("dev"))
        self.name = f"data-{uuid4().hex[:8]}"
        self.url = f"s3://{self.name}/reviews/train"
        self.client.create_bucket(Bucket=self.name)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
            )

    def put(self, name: str, start: int, rows: int, good: int = 2) -> None:
        """Write a shard of numbered texts, of which each `good`th is good."""
        numbers = range(start, start + rows)
        table = pl.DataFrame(
            {
                "text": [f"the film number {n} was so so" for n in numbers],
                "label": ["bad" if n % good else "good" for n in numbers],
            }
        )
        file = io.BytesIO()
        WRITE[name.rpartition(".")[2]](table, file)
        key = f"reviews/train/{name}"
        self.client.put_object(Bucket=self.name, Key=key, Body=file.getvalue())


@pytest.fixture(name="dev", autouse=True)
def _dev(s3: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables that lead to dev; s3fs would keep its connections from test to test."""
    for name, value in s3.variables("dev").items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(name="run")
def _run(project: Path, make_params: Make) -> Callable[..., bytes]:
    """Return a function that composes and ingests a URL, and gives the bytes of train."""

    def run(url: str, refresh: bool = False) -> bytes:
        compose.write(taken(make_params(data={"train_path": url}), {}, refresh))
        ingest.main()
        return (project / "data" / "raw" / "train.parquet").read_bytes()

    return run


Run = Callable[..., bytes]


@pytest.mark.parametrize("suffix", WRITE)
def test_each_format_is_pinned_in_a_versioned_bucket(s3: Platform, run: Run, suffix: str) -> None:
    """The same bytes after a shard was changed, another removed and one added; then the refresh."""
    bucket = Bucket(s3, versioned=True)
    bucket.put(f"a.{suffix}", 0, 200)
    bucket.put(f"b.{suffix}", 200, 200)
    before, lock = run(bucket.url), pins.LOCK.read_bytes()

    bucket.put(f"a.{suffix}", 0, 300)
    bucket.client.delete_object(Bucket=bucket.name, Key=f"reviews/train/b.{suffix}")
    bucket.put(f"c.{suffix}", 1000, 100)

    assert run(bucket.url) == before
    assert pins.LOCK.read_bytes() == lock
    assert run(bucket.url, refresh=True) != before
    assert [file.name for file in pins.load()[bucket.url].files] == [f"/a.{suffix}", f"/c.{suffix}"]


def test_a_single_object_is_pinned(s3: Platform, run: Run) -> None:
    """A URL may name one file."""
    bucket = Bucket(s3, versioned=True)
    bucket.put("a.csv", 0, 200)
    before = run(f"{bucket.url}/a.csv")
    bucket.put("a.csv", 0, 300)

    assert run(f"{bucket.url}/a.csv") == before


def test_a_version_that_the_bucket_has_dropped_is_told(s3: Platform, run: Run) -> None:
    """Buckets may delete old versions after a time."""
    bucket = Bucket(s3, versioned=True)
    bucket.put("a.csv", 0, 200)
    run(bucket.url)
    [file] = pins.load()[bucket.url].files
    bucket.client.delete_object(
        Bucket=bucket.name, Key="reviews/train/a.csv", VersionId=file.version
    )

    with pytest.raises(
        DataError, match=r"a\.csv cannot be read in the pinned version .*no longer has it"
    ):
        run(bucket.url)


def test_a_bucket_without_versions_tells_what_changed(s3: Platform, run: Run) -> None:
    """The file is named, with both ways out; the way out works."""
    bucket = Bucket(s3, versioned=False)
    bucket.put("a.csv", 0, 200)
    before = run(bucket.url)
    assert run(bucket.url) == before
    bucket.put("a.csv", 0, 300)

    with pytest.raises(DataError, match=r"a\.csv has .*, expected .*SHARE=1.*REFRESH=1") as error:
        run(bucket.url)

    assert "\n" not in str(error.value)
    assert run(bucket.url, refresh=True) != before


def test_an_object_that_changes_while_it_is_read_is_told(
    s3: Platform, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one state and half of another never become data."""
    bucket = Bucket(s3, versioned=False)
    bucket.put("a.csv", 0, 200)
    bucket.put("b.csv", 200, 200)
    run(bucket.url)
    read = splits.split

    def slow(source: Any, *rest: Any) -> Any:
        bucket.put("b.csv", 500, 200)
        return read(source, *rest)

    monkeypatch.setattr(ingest, "split", slow)

    with pytest.raises(DataError, match=r"b\.csv (has changed while|.* expected)"):
        run(bucket.url)
    assert not Path("data/raw").exists()


def sentence(folder: Path, url: str, **variables: str) -> str:
    """Compose in a process of its own, as make does; return the one line that it says."""
    if not (folder / "conf").exists():
        (folder / "conf").symlink_to(ROOT / "conf")
    done = subprocess.run(
        [sys.executable, "-m", "mlops.pipeline.compose"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "SET": f"data.train_path={url}"}
        | variables,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {url} ")
    assert not (folder / pins.LOCK).exists()
    return line


def test_what_is_wrong_is_one_sentence(s3: Platform, tmp_path: Path) -> None:
    """A wrong secret, a missing bucket, a missing folder and no server, each told as such."""
    bucket = Bucket(s3, versioned=False)
    bucket.put("a.csv", 0, 10)
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}

    assert "credentials" in sentence(
        tmp_path, bucket.url, AWS_EC2_METADATA_DISABLED="true", **nothing
    )
    assert "credentials" in sentence(tmp_path, bucket.url, AWS_SECRET_ACCESS_KEY="wrong")
    assert "credentials" in sentence(tmp_path, bucket.url, AWS_ACCESS_KEY_ID="qa:qa")
    assert "nor does its bucket" in sentence(tmp_path, "s3://no-such-bucket-1/train")
    assert "'train'" in sentence(tmp_path, bucket.url.replace("train", "trian"))
    s3.down("s3", how=signal.SIGKILL)
    assert "Could not connect" in sentence(tmp_path, bucket.url)


def test_a_server_that_is_down_is_told_by_ingest(s3: Platform, run: Run) -> None:
    """What was pinned is not read from the air; once the server is back it works again."""
    bucket = Bucket(s3, versioned=True)
    bucket.put("a.parquet", 0, 200)
    before = run(bucket.url)
    s3.down("s3", how=signal.SIGKILL)

    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        run(bucket.url)

    s3.up("s3")
    assert run(bucket.url) == before


def test_what_was_deleted_is_counted_from_its_version(s3: Platform, run: Run) -> None:
    """On a machine that never had the rows before: their bucket still has them."""
    bucket = Bucket(s3, versioned=True)
    bucket.put("a.csv", 0, 200)
    bucket.put("b.csv", 200, 100)
    run(bucket.url)
    shutil.rmtree("data")
    bucket.client.delete_object(Bucket=bucket.name, Key="reviews/train/b.csv")
    bucket.put("c.csv", 1000, 40)

    run(bucket.url, refresh=True)

    changed = rows_changed(schema.load().snapshot)
    assert changed == {"data.rows_added": 40, "data.rows_removed": 100}
