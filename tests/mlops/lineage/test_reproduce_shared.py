"""Lineage and reproduction against the real servers of an environment: MLflow, and DVC on S3."""

import re
import shutil
from pathlib import Path

import pytest

import servers
from clones import call, installed, lent
from local_platform.servers import Platform

pytestmark = pytest.mark.nightly


def rows() -> str:
    """Return 600 rows of two classes."""
    words = {"good": ("fine", "great", "superb"), "bad": ("dull", "poor", "awful")}
    lines = [f"film {n} was {words[label][n % 3]},{label}" for n in range(300) for label in words]
    return "\n".join(["text,label", *lines, ""])


def experiment(project: Path, source: str) -> None:
    """Write an experiment of a source's rows, and commit it."""
    (project / "conf" / "experiment" / "file.yaml").write_text(
        f"data:\n  train_path: {source}\nprepare:\n  sample: 1.0\nevaluate:\n  behaviour: []\n"
        "training:\n  epochs: 1\n"
    )
    call(project, "git", "add", "-A")
    call(project, "git", "commit", "--quiet", "--message", "an experiment")


def test_a_colleague_rebuilds_a_run_whose_source_has_changed(
    platform: Platform, tmp_path: Path
) -> None:
    """From the commit alone: the run comes from MLflow, the rows that it read from DVC's remote."""
    variables = platform.variables("dev")
    bucket = servers.client(variables)
    place = {"Bucket": servers.DEV, "Key": "lineage/rows.csv"}
    bucket.put_object(**place, Body=rows().encode())
    project = installed(tmp_path / "project")
    experiment(project, f"s3://{servers.DEV}/lineage/rows.csv")
    trained = call(project, "make", "train", "SHARE=1", EXP="file", SET="", **variables)
    run = re.findall(r"run     ([0-9a-f]{32})", trained)[0]
    bucket.put_object(**place, Body=rows().replace("great", "grand").encode())
    call(project, "git", "clone", "--quiet", str(project), str(tmp_path / "colleague"))
    colleague = lent(tmp_path / "colleague")
    shutil.rmtree(project)

    chain = call(colleague, "make", "lineage", f"RUN={run}", **variables)
    rebuilt = call(colleague, "make", "reproduce", f"RUN={run}", SET="", **variables)

    assert "an experiment" in chain
    assert f"s3://{servers.DEV}/lineage/rows.csv" in chain
    assert "data/raw came from the DVC remote of dev, by its hash" in rebuilt
    assert "all parts are equal" in rebuilt
