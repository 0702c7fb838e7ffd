"""Rules of mlops.training.hardware, on a machine that shows no GPU."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ml.config import Params
from mlops.core.errors import ModelError
from mlops.tracking import machine
from mlops.training import arguments, checkpoint_key, hardware

MakeParams = Callable[..., Params]


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_a_missing_gpu_is_a_warning_in_dev(
    make_params: MakeParams, caplog: pytest.LogCaptureFixture
) -> None:
    """Development goes on with what there is, and says so."""
    with caplog.at_level(logging.WARNING):
        hardware.claim(make_params(resources={"gpu": 2, "missing": "warn"}).resources)

    assert "resources.gpu asks for 2, this machine has 0" in caplog.text


@pytest.mark.parametrize(
    ("given", "asked", "seen"),
    [(None, 2, "0,1"), (None, 0, ""), ("3,5", 1, "3"), ("3,5", 4, "3,5"), ("3,5", 0, "")],
)
def test_a_stage_sees_the_gpus_that_it_asks_for(
    make_params: MakeParams, monkeypatch: pytest.MonkeyPatch, given: str | None, asked: int,
    seen: str,
) -> None:  # fmt: skip
    """And of those that a scheduler gave it no more, or the Trainer would take them all."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)

    hardware.claim(make_params(resources={"gpu": asked}).resources)

    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


def test_a_missing_gpu_is_an_error_where_it_must_be_there(make_params: MakeParams) -> None:
    """Staging and production do not train for days on a CPU by mistake."""
    with pytest.raises(ModelError, match=r"resources\.gpu asks for 1.*set resources\.gpu to 0"):
        hardware.claim(make_params(resources={"gpu": 1, "missing": "fail"}).resources)


def test_gpus_share_a_batch(make_params: MakeParams, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them change no batch, or `resources` would change the model."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    shares = {n: hardware.share(32, make_params(resources={"gpu": n}).resources) for n in (0, 1, 2)}

    assert shares == {0: 32, 1: 32, 2: 16}
    with pytest.raises(ModelError, match=r"batch_size is 33, which the 2 GPUs cannot share"):
        hardware.share(33, make_params(resources={"gpu": 2}).resources)


@pytest.fixture(name="gpu")
def _gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with a GPU, as far as torch tells."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True  # type: ignore[attr-defined]


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_gpu_is_deterministic_where_it_shall_be(make_params: MakeParams, wanted: bool) -> None:
    """By torch's own rules: its algorithms, and the workspace that cuBLAS needs."""
    hardware.settle(make_params(training={"deterministic": wanted}).training)

    assert torch.are_deterministic_algorithms_enabled() is wanted
    assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) is wanted


def test_auto_precision_is_fp32_on_a_cpu(params: Params) -> None:
    """bf16 is slower than fp32 on CPUs without AMX."""
    assert hardware.precision(params.training) == "fp32"


@pytest.fixture(name="apple")
def _apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Mac, as far as torch tells."""
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)


@pytest.mark.usefixtures("apple")
@pytest.mark.parametrize(("asked", "used"), [(0, False), (1, True)])
def test_apples_gpu_trains_where_it_is_asked_for(
    asked: int, used: bool, make_params: MakeParams, caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:  # fmt: skip
    """And says that its bytes are others each time; the key of checkpoints knows of it."""
    params = make_params(resources={"gpu": asked, "missing": "fail"})
    with caplog.at_level(logging.WARNING):
        hardware.set_up(params)
    made = arguments.build(params, arguments.count_steps(params, 100, 1), tmp_path)

    assert hardware.uses_apple(params.resources) is used
    assert ("training on Apple's GPU (mps), which is not byte-reproducible" in caplog.text) is used
    assert made.use_cpu is not used
    assert checkpoint_key._device(params) == ("mps" if used else "cpu")
    assert machine.read_hardware()["hardware.gpu"] == "Apple (mps)"


@pytest.mark.usefixtures("apple")
def test_a_mac_has_one_gpu(make_params: MakeParams) -> None:
    """Two are missing, as elsewhere."""
    with pytest.raises(ModelError, match=r"resources\.gpu asks for 2, this machine has 1"):
        hardware.claim(make_params(resources={"gpu": 2, "missing": "fail"}).resources)
