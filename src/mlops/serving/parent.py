"""A worker ends when its supervisor is gone.

Killed, that one can tell nobody: its workers would go on to answer with the model that they have,
and keep the port.
"""

import os
import signal
import threading
import time

SECONDS = 1.0  # between two looks


def watch(parent: int) -> None:
    """Ask this process to end, as its supervisor would, once that is not its parent any more."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, name="parent", daemon=True).start()
