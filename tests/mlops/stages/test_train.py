"""Rules of ml.train and mlops.training.trainer."""

import contextlib
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import torch
from transformers import TrainerControl, TrainerState

import warm
from common import ROOT, prepare_rows, write_params
from ml import train
from ml.config import Params
from mlops.core import hashing, paths
from mlops.core.errors import ConfigError, DataError, ModelError
from mlops.training import arguments
from mlops.training.trainer import BucketTrainer, EarlyStopping

MakeParams = Callable[..., Params]
OUTPUTS = (Path("models/model"), Path("reports/history.json"))
# The training ends itself at step 10, without a chance to clean up.
KILL = """
import os; from ml import train; from mlops.training import trainer
step = trainer.BucketTrainer.training_step
def deadly(self, *a, **k):
    if self.state.global_step == 10: os.kill(os.getpid(), 9)
    return step(self, *a, **k)
trainer.BucketTrainer.training_step = deadly
train.main()
"""

# The training is interrupted at a step, as by Ctrl+C, between two points of its learning curve.
INTERRUPT = """
import os, sys; from ml import train; from mlops.core import errors
from mlops.training import arguments, trainer
arguments.LOGS, name, step = 3, sys.argv[1], int(sys.argv[2])
plain = getattr(trainer.BucketTrainer, name)
def rude(self, *a, **k):
    if self.state.global_step == step:
        setattr(trainer.BucketTrainer, name, plain)
        os.kill(os.getpid(), 2)
    return plain(self, *a, **k)
setattr(trainer.BucketTrainer, name, rude)
errors.run(train.main)
"""


def trained(params: Params) -> list[str]:
    """Run the stage with a configuration and return the digests of its outputs."""
    write_params(params)
    train.main()
    return [hashing.digest(path) for path in OUTPUTS]


def alone(program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own, whose libraries are loaded already."""
    Path("program.py").write_text(program)
    return subprocess.run(
        [warm.python(ROOT / ".venv"), "-m", "program", *words],
        env={**os.environ, "PYTHONPATH": str(Path(train.__file__).parents[1])},
        text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture(name="base", scope="module")
def _base(
    tmp_path_factory: pytest.TempPathFactory, make_params: MakeParams, empty_store: Path
) -> list[str]:
    """The digests of a training to compare with; its dropout would show a shifted generator."""
    folder = tmp_path_factory.mktemp("base")
    prepare_rows(folder, empty_store)
    with contextlib.chdir(folder):
        return trained(make_params(model={"dropout": 0.1}))


@pytest.mark.usefixtures("prepared")
def test_the_stage_leaves_a_model_and_its_curves(params: Params) -> None:
    """Curves have steps in order, for train and val; no checkpoint stays."""
    trained(params)
    curves = json.loads(OUTPUTS[1].read_text())

    assert [point["step"] for point in curves["train"]] == [1, 2, 3, 4, 5, 6]
    assert set(curves["val"][0]) == {"step", "epoch", "loss", "accuracy"}
    assert list(paths.home().glob(".checkpoints/*")) == []


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "changed",
    [
        {"resources": {"workers": 2}},
        {"resources": {"checkpoint_steps": 1}},
        {"resources": {"memory_gb": 1.0}},
        {"model": {"name": "other", "version": "v9"}},
        {"mlflow": {"experiment_name": "other"}},
        {"environment": "qa"},
        {"metadata": {"author": "somebody"}},
        {"evaluate": {"worst_errors": 3}},
    ],
    ids=str,
)
def test_what_is_no_input_changes_no_byte(
    make_params: MakeParams, changed: dict[str, Any], base: list[str]
) -> None:
    """Workers, checkpoints and all that dvc.yaml does not name for train leave the same model."""
    model = {"dropout": 0.1, **changed.get("model", {})}

    assert trained(make_params(**{**changed, "model": model})) == base


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(
    "changed",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd"},
        {"optimizer": "adafactor"},
        {"loss_function": "focal"},
        {"class_weights": [1.0, 2.0]},
        {"label_smoothing": 0.1},
        {"schedule": "cosine"},
        {"schedule": "constant"},
        {"warmup": 0.5},
        {"weight_decay": 0.5},
        {"learning_rate": 0.01},
        {"batch_size": 4},
        {"gradient_accumulation": 2},
        {"max_grad_norm": 0.01},
        {"epochs": 2},
        {"seed": 1},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_every_training_parameter_acts(
    make_params: MakeParams, changed: dict[str, Any], base: list[str]
) -> None:
    """Each of the guide's and our parameters changes the model."""
    assert trained(make_params(model={"dropout": 0.1}, training=changed))[0] != base[0]


@pytest.mark.parametrize(
    ("every", "left"), [(4, "checkpoint-8"), (6, "checkpoint-6")], ids=["amid", "at an end"]
)
@pytest.mark.usefixtures("prepared")
def test_a_killed_training_resumes_to_the_same_bytes(
    make_params: MakeParams, every: int, left: str
) -> None:
    """After kill -9 the same command gives the model of a training that never stopped.

    And the same curves: no validation is lost where a checkpoint falls on an epoch's end.
    """
    params = make_params(
        training={"epochs": 3}, model={"dropout": 0.1}, resources={"checkpoint_steps": every}
    )
    whole = trained(params)
    killed = alone(KILL)
    checkpoints = list(paths.home().glob(".checkpoints/*/checkpoint-*"))

    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in checkpoints] == [left]
    assert trained(params) == whole


@pytest.mark.parametrize(
    ("moment", "stopped"),
    [(("training_step", "9"), 10), (("evaluate", "6"), 7), (("evaluate", "12"), 12)],
    ids=["amid", "in a validation", "after the last step"],
)
@pytest.mark.usefixtures("prepared")
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    make_params: MakeParams, monkeypatch: pytest.MonkeyPatch, moment: tuple[str, str], stopped: int
) -> None:
    """Ctrl+C writes a checkpoint and says where it stopped, and the same command where it goes on.

    In a log it has a line for each epoch, and nothing that only a terminal understands.
    """
    monkeypatch.setattr(arguments, "LOGS", 3)
    training = {"epochs": 2, "gradient_accumulation": 2, "batch_size": 4}
    whole = trained(make_params(training=training, model={"dropout": 0.1}))
    first, again = (alone(INTERRUPT, *words) for words in (moment, ("evaluate", "-1")))

    assert first.returncode == 130
    said = f"stopped at step {stopped} of 12; the same command goes on"
    assert first.stderr.splitlines()[-1] == said
    assert f"resuming at step {stopped} of 12" in again.stderr
    shown = first.stderr + again.stderr
    assert re.findall(r"epoch (\d)/2  train loss 0\.\d{3}  val loss 0\.", shown) == ["1", "2"]
    assert not [odd for odd in ("Traceback", "\r", "\033") if odd in shown]
    assert [hashing.digest(path) for path in OUTPUTS] == whole


class KilledError(Exception):
    """The end of a training that was killed."""


def cut(monkeypatch: pytest.MonkeyPatch, batches: int) -> list[int]:
    """Kill the next training before its batch of that number; list the batches that it trains."""
    seen: list[int] = []
    step = BucketTrainer.training_step

    def deadly(self: BucketTrainer, *args: Any, **kwargs: Any) -> torch.Tensor:
        seen.append(len(seen) + 1)
        if seen[-1] == batches:
            raise KilledError
        return step(self, *args, **kwargs)

    monkeypatch.setattr(BucketTrainer, "training_step", deadly)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.usefixtures("prepared")
def test_any_training_killed_anywhere_resumes_to_the_same_bytes(
    make_params: MakeParams, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever its batches, accumulation, patience, optimizer and checkpoints, killed twice."""
    draw = random.Random(seed)
    training = {
        "epochs": draw.choice([2, 3, 4]),
        "batch_size": draw.choice([4, 7, 8]),
        "gradient_accumulation": draw.choice([1, 2, 4]),
        "early_stopping": draw.choice([0, 1, 2]),
        "optimizer": draw.choice(["adam", "adamw", "sgd", "adafactor"]),
        "learning_rate": draw.choice([0.001, 0.1]),
    }
    params = make_params(
        training=training,
        model={"dropout": 0.1},
        resources={"checkpoint_steps": draw.randint(1, 6)},
    )
    # With few points on the curve, checkpoints fall between them.
    monkeypatch.setattr(arguments, "LOGS", draw.choice([3, 50]))
    with monkeypatch.context() as patch:
        batches = cut(patch, 0)
        whole = trained(params)
    for _ in range(2):
        with monkeypatch.context() as patch, contextlib.suppress(KilledError):
            cut(patch, draw.randint(1, len(batches)))
            trained(params)

    assert trained(params) == whole


class Killed(NamedTuple):
    """A project whose training was killed, and the digests of one that was not."""

    folder: Path
    params: Params
    whole: list[str]


@pytest.fixture(name="killed", scope="module")
def _killed(
    tmp_path_factory: pytest.TempPathFactory, make_params: MakeParams, empty_store: Path
) -> Killed:
    folder = tmp_path_factory.mktemp("killed")
    prepare_rows(folder, empty_store)
    params = make_params(
        training={"epochs": 3, "early_stopping": 3}, resources={"checkpoint_steps": 4}
    )
    with contextlib.chdir(folder):
        whole = trained(params)
        done = alone(KILL)
    assert done.returncode == -signal.SIGKILL
    return Killed(folder, params, whole)


@pytest.mark.parametrize(
    "damage",
    [
        ("model.safetensors", lambda content: content[: len(content) // 2]),
        ("model.safetensors", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
        ("optimizer.pt", lambda _: b""),
        ("trainer_state.json", lambda _: b"{}"),
        ("sha256.json", lambda content: content[:20]),
        ("../best.safetensors", lambda content: content[:-1] + bytes([content[-1] ^ 1])),
    ],
    ids=["half", "one-bit", "optimizer", "state", "seal", "best"],
)
def test_a_damaged_checkpoint_is_told_and_never_used(
    killed: Killed,
    caplog: pytest.LogCaptureFixture,
    damage: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The training begins from the start and gives the bytes of an undisturbed one."""
    monkeypatch.chdir(shutil.copytree(killed.folder, tmp_path / "project"))
    (checkpoint,) = paths.home().glob(".checkpoints/*/checkpoint-*")
    name, change = damage
    (checkpoint / name).write_bytes(change((checkpoint / name).read_bytes()))

    assert trained(killed.params) == killed.whole
    assert "starts from the beginning" in caplog.text


@pytest.mark.usefixtures("prepared")
def test_a_diverging_training_tells_its_step(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is no number stops at once and leaves no model."""
    compute = BucketTrainer.compute_loss

    def diverge(self: BucketTrainer, *args: Any, **kwargs: Any) -> Any:
        loss = compute(self, *args, **kwargs)
        return loss * torch.nan if self.state.global_step == 2 else loss

    monkeypatch.setattr(BucketTrainer, "compute_loss", diverge)

    with pytest.raises(ModelError, match=r"is nan at step 3; lower training\.learning_rate"):
        trained(params)
    assert not OUTPUTS[0].exists()


@pytest.mark.usefixtures("prepared")
def test_early_stopping_keeps_the_best_weights(make_params: MakeParams) -> None:
    """Training ends after the patience, and the model is the one of the best epoch."""
    training = {"learning_rate": 0.1, "schedule": "constant", "warmup": 0.0}
    stopped = trained(make_params(training={**training, "epochs": 12, "early_stopping": 2}))
    losses = [point["loss"] for point in json.loads(OUTPUTS[1].read_text())["val"]]
    best = losses.index(min(losses))

    assert len(losses) == best + 3 < 12
    assert stopped[0] == trained(make_params(training={**training, "epochs": best + 1}))[0]


@pytest.mark.usefixtures("prepared")
def test_an_operation_that_is_not_deterministic_is_named(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a model of one's own, on a GPU: torch tells the operation, we tell the key."""
    compute = BucketTrainer.compute_loss

    def put(self: BucketTrainer, *args: Any, **kwargs: Any) -> Any:
        torch.zeros(2).put_(torch.tensor([0]), torch.tensor([1.0]))
        return compute(self, *args, **kwargs)

    monkeypatch.setattr(BucketTrainer, "compute_loss", put)
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(ModelError, match=r"^put_ does not have .*; set training\.determ"):
            trained(params)
    finally:
        torch.use_deterministic_algorithms(False)


def test_no_checkpoint_is_made_where_training_stops(tmp_path: Path) -> None:
    """What resumes from it would train on: the one before decides anew."""
    arguments: Any = None
    saved = {}
    for second in (2.0, 0.5):
        control = TrainerControl(should_save=True)
        state = TrainerState(log_history=[{"eval_loss": 1.0}, {"eval_loss": second}])
        stopping = EarlyStopping(1, tmp_path)
        stopping.on_evaluate(arguments, state, control, model=torch.nn.Linear(1, 1))
        saved[control.should_training_stop] = control.should_save

    assert saved == {True: False, False: True}


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(("longest", "told"), [(16, False), (8, True)])
def test_texts_that_are_longer_than_the_model_takes_are_told(
    make_params: MakeParams, caplog: pytest.LogCaptureFixture, longest: int, told: bool
) -> None:
    """With their share, which the curves keep for the report."""
    trained(make_params(model={"max_length": longest}))
    share = json.loads(OUTPUTS[1].read_text())["truncated"]

    assert ("raise it if the end of a text matters" in caplog.text) is told
    assert (share > 0.05) is told


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize(("accumulation", "told"), [(1, "/ 8"), (4, "/ (8 × 4 accumulated)")])
def test_a_training_begins_with_its_arithmetic(
    make_params: MakeParams, caplog: pytest.LogCaptureFixture, accumulation: int, told: str
) -> None:
    """The steps that it tells are those that the Trainer takes."""
    training = {"gradient_accumulation": accumulation, "batch_size": 8, "epochs": 3}
    with caplog.at_level(logging.INFO, "ml.train"):
        trained(make_params(training=training, resources={"checkpoint_steps": 1}))
    steps = json.loads(OUTPUTS[1].read_text())["val"][-1]["step"]

    assert f"training on 48 rows {told} × 3 epochs = {steps:.0f} steps" in caplog.text


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("name", ["labels.json", "train.parquet"])
def test_a_damaged_input_is_named(params: Params, name: str) -> None:
    """In a sentence with the way on."""
    (Path("data/prepared") / name).write_bytes(b"PAR1")

    with pytest.raises(DataError, match=rf"{name} is damaged \(.+\); run `make train`"):
        trained(params)


@pytest.mark.usefixtures("prepared")
def test_three_classes_train(params: Params) -> None:
    """Nothing assumes two classes."""
    for name in ("train", "val", "test"):
        rows = Path(f"data/prepared/{name}.parquet")
        frame = pl.read_parquet(rows)
        frame.with_columns(label=pl.Series([n % 3 for n in range(len(frame))])).write_parquet(rows)
    labels = {"labels": ["a", "b", "c"], "synthetic": False}
    Path("data/prepared/labels.json").write_text(json.dumps(labels))

    trained(params)

    assert json.loads(Path("models/model/config.json").read_text())["id2label"]["2"] == "c"


@pytest.mark.usefixtures("prepared")
def test_a_label_that_the_data_lack_is_told_before_training(make_params: MakeParams) -> None:
    """A behaviour test of another data set does not fail hours later in evaluate."""
    tests = [{"name": "of films", "cases": [{"text": "fine", "label": "good"}]}]
    write_params(make_params(evaluate={"behaviour": tests}))

    with pytest.raises(ConfigError, match="'of films' names the label 'good'"):
        train.main()
    assert not paths.mlflow_store("dev").joinpath("artifacts").exists()
