"""Ship what services have logged, until it is told to end: the second container of their pods.

Reads: REQUEST_LOG, the spool; REQUEST_LOG_URL and REQUEST_LOG_ENVIRONMENT, else conf/, ENV and SET;
    ONCE, and S3's usual variables
Writes: requests/<environment>/ in the store; deletes what it has shipped
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path

from mlops.core.errors import OperateError, run
from mlops.operate.requests.shipper import Shipper
from mlops.operate.requests.store import open_store


def find_destination() -> tuple[str, str]:
    """Return URL and environment, as a pod's variables or else conf/ say."""
    url, environment = (os.environ.get(f"REQUEST_LOG_{name}") for name in ("URL", "ENVIRONMENT"))
    if url and environment:
        return url, environment
    # In the small image there is no conf/ to read, nor what would read it.
    from mlops.pipeline.compose import asked  # noqa: PLC0415

    params = asked()
    return params.request_log.url, params.environment


def main() -> None:
    """Ship in a loop, or with ONCE=1 what is there."""
    logging.getLogger("mlops").setLevel(logging.INFO)
    spool = Path(os.environ.get("REQUEST_LOG") or ".")
    if not os.environ.get("REQUEST_LOG") or not spool.is_dir():
        raise OperateError(
            f"REQUEST_LOG: expected the folder that a service logs to, found {spool}; set it to "
            "the service's own REQUEST_LOG"
        )
    url, environment = find_destination()
    shipper = Shipper(spool, open_store(url), environment)
    if os.environ.get("ONCE", "0") not in ("", "0"):
        sys.stdout.write(f"shipped {shipper.ship():,} predictions to {url}\n")
        return
    over = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: over.set())
    shipper.run(over.wait)


if __name__ == "__main__":
    run(main)
