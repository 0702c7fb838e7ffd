"""The packages and the hardware of a run.

Reads: .venv/installed-*, which `make install` writes; /proc/cpuinfo
"""

import os
import platform
import re
import sys
from pathlib import Path

import psutil


def read_packages(environment: Path | None = None) -> dict[str, str]:
    """Return the hash of the lock files that were installed, and the Python that runs them."""
    found = {"packages.python": platform.python_version()}
    folder = environment or Path(sys.prefix)
    if environment and (named := re.search(r"^version\w* = (\S+)", _config(folder), re.M)):
        found["packages.python"] = named[1]
    for mark in folder.glob("installed-*"):
        installed = mark.read_text(encoding="utf-8").strip()
        if installed:  # an older `make install` left an empty file
            found["packages.sha256"] = installed
            found["packages.accelerator"] = mark.name.removeprefix("installed-")
    return found


def read_hardware() -> dict[str, str]:
    """Return what decides the last digits of a result, and its speed."""
    import torch  # noqa: PLC0415  takes seconds, and training and evaluation have it already

    cuda = torch.cuda
    gpus = [cuda.get_device_name(n) for n in range(cuda.device_count())]
    gpus = gpus or ["Apple (mps)" if torch.backends.mps.is_available() else "none"]
    return {
        "hardware.cpu": _cpu(),
        "hardware.cores": str(os.cpu_count() or "unknown"),
        "hardware.memory_gb": f"{psutil.virtual_memory().total / 2**30:.1f}",
        "hardware.gpu": ", ".join(gpus),
        "hardware.platform": f"{platform.system()} {platform.machine()}",
    }


def _config(environment: Path) -> str:
    path = environment / "pyvenv.cfg"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (named or [platform.processor() or platform.machine()])[0]
