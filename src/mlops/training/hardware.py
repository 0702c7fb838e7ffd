"""What the machine has, compared with what `resources` requires."""

import logging
import os

import psutil
import torch

from mlops.config.schema import Params, Resources, Training
from mlops.core import gpus
from mlops.core.errors import ModelError

log = logging.getLogger(__name__)


def set_up(params: Params) -> None:
    """Take the required hardware, so that it gives the same bytes each time."""
    claim(params.resources)
    settle(params.training)
    torch.set_num_threads(params.training.threads)
    if uses_apple(params.resources):
        log.warning(
            "warning: training on Apple's GPU (mps), which is not byte-reproducible; "
            'SET="resources.gpu=0" trains on the CPU, which is'
        )


def count() -> int:
    """Count the GPUs: NVIDIA's that are visible, or Apple's one."""
    return torch.cuda.device_count() or int(torch.backends.mps.is_available())


def uses_apple(resources: Resources) -> bool:
    """Tell whether a training runs on Apple's GPU."""
    return bool(resources.gpu and count() and not torch.cuda.device_count())


def claim(resources: Resources) -> None:
    """Compare the machine with what is required; a missing GPU warns or fails by `missing`."""
    gpus.show(resources.gpu)
    memory_gb = round(psutil.virtual_memory().total / 2**30, 1)
    for name, wanted, there in (
        ("gpu", resources.gpu, count()),
        ("cpu_cores", resources.cpu_cores, os.cpu_count() or 1),
        ("memory_gb", resources.memory_gb, memory_gb),
    ):
        if there >= wanted:
            continue
        message = f"resources.{name} asks for {wanted}, this machine has {there}"
        if name == "gpu" and resources.missing == "fail":
            raise ModelError(f"{message}; use a machine with a GPU or set resources.gpu to {there}")
        log.warning("warning: %s; training continues with what is available", message)


def settle(training: Training) -> None:
    """Let a GPU give the same bytes each time, unless `training.deterministic` says otherwise.

    Source: torch's notes on reproducibility. A CPU does so with one count of threads anyway.
    """
    if not (training.deterministic and torch.cuda.is_available()):
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it starts
    torch.use_deterministic_algorithms(True)
    # Only programs that read memory before they write it need this, at the price of writing it all.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def share(batch_size: int, resources: Resources) -> int:
    """Return how much of a batch each GPU takes: more GPUs do the same batches faster."""
    there = max(1, min(resources.gpu, count()))
    if batch_size % there:
        raise ModelError(
            f"training.batch_size is {batch_size}, which the {there} GPUs cannot share evenly; "
            f"expected a multiple of {there}, or another resources.gpu"
        )
    return batch_size // there


def precision(training: Training) -> str:
    """Return bf16 or fp32; `auto` takes bf16 on a GPU that has it."""
    if training.precision != "auto":
        return training.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "fp32"
