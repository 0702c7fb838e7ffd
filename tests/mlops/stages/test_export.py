"""Rules of ml.export."""

import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from common import ROOT, write_params
from judged import LABELS, TEXTS, build, write
from ml import export
from ml.config import Params
from mlops.core import hashing
from mlops.core.errors import ModelError
from mlops.export import parity

MakeParams = Callable[..., Params]
INT8 = {"int8_from": 1, "labels_agree": 0.0, "accuracy_drop": 1.0}


@pytest.fixture(name="judged")
def _judged(project: Path, make_params: MakeParams) -> Path:
    """A project as evaluate leaves it."""
    write(project, *build(make_params, "bert"))
    return project


def contents(project: Path) -> dict[str, bytes]:
    """Return all that the stage writes."""
    paths = [*(project / "models" / "serving").iterdir(), project / "reports" / "export.json"]
    return {path.name: path.read_bytes() for path in paths}


def signature() -> dict[str, Any]:
    """Return what the stage tells the service."""
    found: dict[str, Any] = json.loads(Path("models/serving/signature.json").read_text())
    return found


def test_the_stage_writes_what_the_service_reads(judged: Path, make_params: MakeParams) -> None:
    """The graph, the tokenizer and the signature; sizes and parity in the report."""
    write_params(make_params(export=INT8))

    export.main()

    found, report = signature(), json.loads(Path("reports/export.json").read_text())
    assert sorted(contents(judged)) == [
        "cpu.onnx", "export.json", "signature.json", "tokenizer.json",
    ]  # fmt: skip
    assert found["labels"] == LABELS
    assert found["inputs"] == ["input_ids", "attention_mask"]
    assert (found["max_length"], found["special_tokens"], found["pad_id"]) == (16, 2, 0)
    assert found["precision"] == {"cpu": "int8", "gpu": None}
    assert found["model_sha256"] == hashing.digest(Path("models/model"))
    assert found["example"] == make_params().export.example
    assert 0 < found["parity"]["largest_probability_difference"] < 0.02
    assert found["parity"]["rows"] == len(TEXTS)
    size = Path("models/serving/cpu.onnx").stat().st_size
    assert report == {
        "precision": found["precision"], "parity": found["parity"], "bytes": {"cpu.onnx": size},
    }  # fmt: skip


def test_what_is_served_answers_as_it_was_judged(judged: Path, make_params: MakeParams) -> None:
    """In fp32 to the last digit that was kept."""
    write_params(make_params(export={"precision": "fp32"}))

    export.main()

    table = pl.read_parquet("reports/predictions.parquet").select(pl.col("^p_.*$")).to_numpy()
    found = parity.probabilities(judged / "models" / "serving", "cpu.onnx", TEXTS)
    np.testing.assert_allclose(found, table, atol=2e-6)
    assert signature()["precision"]["cpu"] == "fp32"


def test_the_share_of_unknown_words_in_the_test_texts_is_kept(
    judged: Path, make_params: MakeParams
) -> None:
    """It is what the service finds usual; a pretrained tokenizer has none."""
    write_params(make_params())
    export.main()
    own = signature()["usual_unknown"]
    write_params(make_params(model={"pretrained": "org/model"}))
    export.main()

    assert 0 <= own <= 1
    assert signature()["usual_unknown"] is None


def test_the_same_inputs_give_the_same_bytes(
    judged: Path, make_params: MakeParams, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In another folder and another process, every precision of it."""
    write_params(make_params(export={**INT8, "gpu": True}))
    export.main()
    other = tmp_path_factory.mktemp("other") / "deeper"
    shutil.copytree(judged, other, ignore=shutil.ignore_patterns("serving", "export.json"))

    subprocess.run(
        [sys.executable, "-m", "ml.export"],
        cwd=other,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "7"},
        check=True,
    )

    assert contents(judged) == contents(other)


def test_every_user_can_read_what_is_served(judged: Path) -> None:
    """A container runs under another user."""
    before = os.umask(0o077)
    try:
        export.main()
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (judged / "models/serving").iterdir()}
    assert modes == {0o644}


def test_fp32_is_served_where_int8_breaks_a_bound(
    judged: Path, make_params: MakeParams, caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning that tells the bound; the parity told is that of what is served."""
    write_params(make_params(export={**INT8, "int8_difference": 1e-5}))

    with caplog.at_level(logging.WARNING, "ml.export"):
        export.main()

    assert "serving fp32, because in int8 a probability differs by" in caplog.text
    assert signature()["precision"]["cpu"] == "fp32"
    assert signature()["parity"]["largest_probability_difference"] < 1e-5
    assert b"int8" not in (judged / "models/serving/cpu.onnx").read_bytes()


def test_small_models_are_served_in_fp32(judged: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where no matrix gains from int8; that is told, and no warning."""
    with caplog.at_level(logging.INFO, "ml.export"):
        export.main()

    assert (
        "skipped int8: the model is too small to gain from it (export.int8_from=65536)"
        in caplog.text
    )
    assert "warning" not in caplog.text
    assert signature()["precision"]["cpu"] == "fp32"


def test_a_graph_that_answers_otherwise_is_not_served(judged: Path) -> None:
    """The stage fails, tells the figures, and leaves nothing."""
    path = Path("reports/predictions.parquet")
    pl.read_parquet(path).with_columns(p_no="p_yes", p_yes="p_no").write_parquet(path)

    with pytest.raises(ModelError, match=r"labels agree 0\.\d+ \(at least 0\.995\).*5 rows"):
        export.main()

    assert not (judged / "models" / "serving").exists()
    assert not (judged / "models" / "serving.partial").exists()
    assert not (judged / "reports" / "export.json").exists()


def test_fp32_must_be_nearer_than_int8(judged: Path) -> None:
    """Half a hundredth is more than rounding, though no label changes."""
    path = Path("reports/predictions.parquet")
    moved = pl.read_parquet(path).with_columns(pl.col("p_no") + 0.005, pl.col("p_yes") - 0.005)
    moved.write_parquet(path)

    with pytest.raises(ModelError, match=r"differs by 0\.0050 \(at most 0\.001\)"):
        export.main()

    assert not (judged / "models" / "serving").exists()


def test_a_graph_for_gpus_is_made_on_demand(judged: Path, make_params: MakeParams) -> None:
    """In fp16, beside the one for CPUs, and measured too."""
    write_params(make_params(export={"gpu": True, "precision": "fp32"}))

    export.main()

    assert signature()["precision"] == {"cpu": "fp32", "gpu": "fp16"}
    sizes = json.loads(Path("reports/export.json").read_text())["bytes"]
    assert sizes["gpu.onnx"] == (judged / "models/serving/gpu.onnx").stat().st_size


def test_fp16_that_breaks_a_bound_is_told(judged: Path, make_params: MakeParams) -> None:
    """It was asked for, so nothing is put in its place."""
    write_params(make_params(export={"gpu": True, "precision": "fp32", "int8_difference": 1e-6}))

    with pytest.raises(ModelError, match=r"in fp16 a probability differs.*export\.gpu=false"):
        export.main()

    assert not (judged / "models" / "serving").exists()


def test_a_missing_model_is_told(judged: Path) -> None:
    """The message says what makes it."""
    shutil.rmtree(judged / "models" / "model")

    with pytest.raises(ModelError, match="make train"):
        export.main()
