"""Rules of ml.network.hardware, on a machine that shows no GPU."""

import logging
from collections.abc import Callable

import pytest

from ml import config
from ml.errors import ModelError
from ml.network import hardware

MakeParams = Callable[..., config.Params]


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


def test_a_missing_gpu_is_an_error_where_it_must_be_there(make_params: MakeParams) -> None:
    """Staging and production do not train for days on a CPU by mistake."""
    with pytest.raises(ModelError, match=r"resources\.gpu asks for 1.*set resources\.gpu to 0"):
        hardware.claim(make_params(resources={"gpu": 1, "missing": "fail"}).resources)


def test_auto_precision_is_fp32_on_a_cpu(params: config.Params) -> None:
    """bf16 is slower than fp32 on CPUs without AMX."""
    assert hardware.precision(params.training) == "fp32"
