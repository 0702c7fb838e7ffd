"""Which GPUs a process sees: the one place that decides it."""

import os


def show(count: int) -> None:
    """Hide from this process all GPUs but `count`; before torch first looks for them.

    A scheduler may have chosen some already; the Trainer would take all that it sees.
    """
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = map(str, range(count)) if chosen is None else filter(None, chosen.split(","))
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(list(visible)[:count])
