"""Run-cache entries whose outputs cannot be of their inputs: `make verify` removes these alone."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from dvc.stage import cache
from dvc.utils.serialize import dumps_yaml, load_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import get_scheduler

from ml import train
from ml.config import Params
from mlops.core.errors import StorageError
from mlops.storage import false_entries, recorded_values, run_cache_entries, verify

PIPELINE = """
stages:
  train:
    cmd: sh code
    deps: [code]
    params: [training]
    outs: [models/model, reports/history.json]
"""
CODE = """
mkdir -p models/model reports
cat params.yaml > models/model/weights
epochs=$(sed -n 's/^  epochs: //p' params.yaml)
echo '{"train": [], "val": [{"step": 4.0, "epoch": '$epochs'.0}]}' > reports/history.json
"""
VALUES = "training:\n  epochs: 2\n  seed: 0\n  warmup: 0.1\n  early_stopping: 0\n"


@pytest.fixture(name="made", scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has trained, to be copied: DVC takes seconds to make one."""
    folder = tmp_path_factory.mktemp("made")
    for name, text in {"dvc.yaml": PIPELINE, "code": CODE, "params.yaml": VALUES}.items():
        (folder / name).write_text(text)
    with contextlib.chdir(folder):
        called("init", "--quiet", "--no-scm")
        called("repro", "--quiet")
    return folder


@pytest.fixture(name="repo")
def _repo(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has trained."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*words: str) -> str:
    """Run DVC."""
    done = subprocess.run(["dvc", *words], check=False, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def known(repo: Path) -> list[Path]:
    """Return the run-cache entries."""
    return [path for path in (repo / ".dvc/cache/runs").rglob("*") if path.is_file()]


def forged(repo: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write the entry that 0.4.0 has made of changed inputs: the outputs are the old ones."""
    said = load_yaml(known(repo)[0])
    change(said)
    text, value = dumps_yaml(said), cache._get_cache_hash(said)
    key = cache._get_cache_hash(said, key=True)
    path: Path = repo / ".dvc" / "cache" / "runs" / key[:2] / key / value
    run_cache_entries.write_entry(path, text.encode())
    return path


def training(**values: Any) -> Callable[[dict[str, Any]], object]:
    """Return a change of values."""
    return lambda said: said["params"]["params.yaml"]["training"].update(values)


def test_an_entry_whose_outputs_record_other_values_is_removed(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The true one stays, and it is told what went and why."""
    (true,) = known(repo)
    false = forged(repo, training(epochs=1))

    verify.main()

    assert known(repo) == [true]
    told = capsys.readouterr().out
    assert f"run-cache entry {false.parent.name[:8]} (sh code) of the cache" in told
    assert "history.json says epochs 2.0, training.epochs is 1: removed" in told
    assert "2 run-cache entries checked" in told


def test_of_two_values_for_one_model_none_is_believed(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no output records a value, nobody can tell which of the two it was."""
    forged(repo, training(seed=7))

    with pytest.raises(StorageError, match="make train ENV=dev"):
        verify.main()

    assert known(repo) == []
    assert "is the output of training.seed=0 and of 7" in capsys.readouterr().out
    assert "Running stage 'train'" in called("repro")


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["deps"][0].update(md5="0" * 32),
        training(warmup=0.2),
        training(early_stopping=9),
        training(seed=0.0),
    ],
    ids=["code", "a value that may change nothing", "another", "the same value"],
)
def test_equal_outputs_of_inputs_that_may_differ_are_kept(
    repo: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """A comment in the code gives the same outputs, and is right."""
    forged(repo, change)

    verify.main()

    assert len(known(repo)) == 2


def test_a_stage_of_the_lock_that_is_false_is_made_again(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As 0.4.0 has left it in a clone: lock, values and entry say one epoch, the outputs two."""
    shutil.rmtree(forged(repo, training(epochs=1)).parent)  # also where the run-cache lost it
    for name in ("dvc.lock", "params.yaml"):
        text = (repo / name).read_text()
        (repo / name).write_text(text.replace("epochs: 2", "epochs: 1"))
    assert "didn't change" in called("repro")

    with pytest.raises(StorageError, match="1 stages of dvc"):
        verify.main()

    assert "dvc.lock: its outputs of train do not come from its inputs" in capsys.readouterr().out
    assert "Running stage 'train'" in called("repro")
    assert json.loads((repo / "reports/history.json").read_text())["val"][0]["epoch"] == 1
    verify.main()


def test_an_entry_that_was_cut_is_removed(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At a line it is an entry still, with fewer outputs."""
    (path,) = known(repo)
    path.write_text(path.read_text().split("- path: reports")[0])

    verify.main()

    assert known(repo) == []
    assert "its content does not match its name: removed" in capsys.readouterr().out


WRITTEN = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WRITTEN,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=8,
))  # fmt: skip
@settings(max_examples=100)
def test_any_whole_entry_is_known_by_its_name(value: Any) -> None:
    """As DVC writes it: what it says comes back from YAML as it was."""
    said = {
        "cmd": "x", "deps": [{"path": "a", "md5": "b", "size": 3}],
        "params": {"params.yaml": {"x": value}}, "outs": [{"path": "o", "md5": "c"}],
    }  # fmt: skip
    name, text = cache._get_cache_hash(said), dumps_yaml(said).encode()
    key = cache._get_cache_hash({**said}, key=True)

    assert run_cache_entries.parse_entry(f"{key}/{name}", text)


INGESTED = {
    "data.train_path": "synthetic", "data.val_path": None, "data.test_path": None,
    "data.synthetic_rows": 100, "snapshot.train": None,
}  # fmt: skip
ROWS = {"train": 80, "val": 10, "test": 10}


@pytest.mark.parametrize(
    ("values", "record", "told"),
    [
        ({}, {"synthetic": True, "rows": ROWS}, ""),
        ({"data.synthetic_rows": 90}, {"synthetic": True, "rows": ROWS}, "rows 100"),
        ({"data.train_path": "a.csv"}, {"synthetic": True, "rows": ROWS}, "synthetic True"),
        (
            {"data.train_path": "a.csv", "data.val_path": "synthetic"},
            {"synthetic": True, "rows": ROWS}, "",
        ),
        ({"data.test_path": "a.csv"}, {"synthetic": True, "rows": ROWS | {"test": 999}}, ""),
        (
            {"data.train_path": "s3://a", "snapshot.train": "new"},
            {"synthetic": False, "rows": ROWS, "pinned": {"train": {"fingerprint": "old"}}},
            "train.fingerprint old",
        ),
        ({}, {"a project": "of its own"}, ""),
        ({}, ["a project of its own"], ""),
    ],
)  # fmt: skip
def test_rows_are_of_the_source_that_was_asked_for(
    values: dict[str, Any], record: Any, told: str
) -> None:
    """As far as ingest records it."""
    found = recorded_values.find_contradictions(INGESTED | values, {recorded_values.SOURCE: record})

    assert bool(found) == bool(told)
    assert told in "".join(found)


@pytest.mark.parametrize(
    ("values", "seen", "told"),
    [
        ({"prepare.sample": 0.1, "prepare.max_rows": None}, ROWS, ""),
        ({"prepare.sample": 1.0, "prepare.max_rows": None}, ROWS, "sample 0.1"),
        ({"prepare.sample": 0.1, "prepare.max_rows": 50}, ROWS, "max_rows None"),
        ({}, ROWS | {"train": 81}, "found 81 rows in train"),
    ],
)
def test_prepared_rows_are_of_their_sample_and_source(
    values: dict[str, Any], seen: dict[str, int], told: str
) -> None:
    """The report says what was asked for, and how many rows it has found."""
    report = {
        "sample": 0.1, "max_rows": None,
        "splits": {split: {"found": rows} for split, rows in seen.items()},
    }  # fmt: skip
    records = {recorded_values.DATA: report, recorded_values.SOURCE: {"rows": ROWS}}

    found = recorded_values.find_contradictions(values, records)

    assert bool(found) == bool(told)
    assert told in "".join(found)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_rate_is_scheduled_as_transformers_does(schedule: str) -> None:
    """Step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    kind = "constant_with_warmup" if schedule == "constant" else schedule
    theirs = get_scheduler(kind, optimizer, num_warmup_steps=3, num_training_steps=20)
    for step in range(20):
        assert recorded_values.schedule_share(schedule, step, (3, 20)) == pytest.approx(
            theirs.get_last_lr()[0], abs=1e-6
        )
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 2},
        {"epochs": 3, "schedule": "cosine", "warmup": 0.0, "optimizer": "sgd"},
        {"epochs": 2, "schedule": "constant", "gradient_accumulation": 2, "optimizer": "adafactor"},
        {"epochs": 6, "early_stopping": 1, "warmup": 0.3, "learning_rate": 0.3},
        {"epochs": 1, "batch_size": 64},
    ],
    ids=["default", "cosine", "constant", "early stopping", "one step"],
)
@pytest.mark.usefixtures("prepared")
def test_what_train_records_is_of_its_values(
    make_params: Callable[..., Params], changes: dict[str, Any]
) -> None:
    """And of no other rate or number of epochs."""
    params = make_params(training=changes)
    Path("params.yaml").write_text(json.dumps(params.model_dump()))
    train.main()
    records = {recorded_values.HISTORY: json.loads(Path("reports/history.json").read_text())}
    values = dict(false_entries.flatten("training", params.training.model_dump()))

    assert recorded_values.find_contradictions(values, records) == []
    for key, factor in (("learning_rate", 1.1), ("epochs", 10)):
        other = values | {f"training.{key}": values[f"training.{key}"] * factor}
        seen = recorded_values.find_contradictions(other, records)
        assert seen or changes.get("early_stopping") or changes.get("batch_size") == 64, key
