"""The GPU, against what ACCELERATOR and resources.gpu ask for."""

import platform
from typing import Any

from mlops.doctor import environment, outside
from mlops.doctor.finding import BROKEN, NOTE, Finding, broken, note, ok

QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def gpu(accelerator: str, wanted: dict[str, Any], usable: bool) -> Finding:
    """Look at what the driver shows and what torch sees; `wanted` is the section resources."""
    asked = int(wanted.get("gpu", 0))
    if (platform.system(), platform.machine()) == ("Darwin", "arm64") and asked < 2:
        use = "trains" if asked else 'idle; SET="resources.gpu=1" trains on it'
        return ok("GPU", f"Apple's (mps), {use}; its runs are not byte-reproducible")
    said = outside.program(*QUERY)
    shown = said.text.splitlines() if said and said.good else []
    if not shown:
        return _none(accelerator, asked, wanted, said.text if said else "no nvidia-smi on the PATH")
    found = f"{len(shown)} ({shown[0].strip()})"
    if accelerator != "cuda":
        return note(
            "GPU",
            f"{found}, which ACCELERATOR=cpu leaves idle",
            "make install ACCELERATOR=cuda, and resources.gpu: 1 in the experiment",
        )
    if usable:
        seen = environment.ask("cuda")
        if seen.good and int(seen.text) == 0:
            return broken(
                "GPU",
                f"{found}, but torch sees none",
                "update the driver, or look at CUDA_VISIBLE_DEVICES; else ACCELERATOR=cpu",
            )
    if len(shown) < asked:
        return _fewer(wanted, f"{found}; resources.gpu asks for {asked}")
    return ok("GPU", found)


def _none(accelerator: str, asked: int, wanted: dict[str, Any], why: str) -> Finding:
    if asked:
        return _fewer(wanted, f"none ({why}); resources.gpu asks for {asked}")
    if accelerator == "cuda":
        return note("GPU", f"none ({why})", "install the driver, or remove ACCELERATOR=cuda")
    return ok("GPU", "none, and none is needed")


def _fewer(wanted: dict[str, Any], found: str) -> Finding:
    """Training fails or only warns, as resources.missing says."""
    state = BROKEN if wanted.get("missing") == "fail" else NOTE
    return Finding(state, "GPU", found, 'use a machine with GPUs, or SET="resources.gpu=0"')
