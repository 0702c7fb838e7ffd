"""Share what the pipeline computes with everybody in the environment, through its DVC remote.

Reads: ENV, conf/, dvc.lock, the usual AWS variables
Writes: the remote of the environment; all but `push` the cache and the work tree
"""

import logging
import sys

from dvc.cli import main as dvc

from mlops.core import environment
from mlops.core.errors import ConfigError, StorageError, run
from mlops.storage import remote, run_cache

AGAIN = "the same command again completes it: what has arrived is kept"


class Heard(logging.Handler):
    """Notes what DVC only tells of in the middle of other words: a full disk, lost outputs."""

    full = False
    missing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record."""
        told = [record.getMessage(), str(record.exc_info[1]) if record.exc_info else ""]
        self.full |= any("No space left on device" in text for text in told)
        self.missing |= any("do not exist neither locally nor on remote" in text for text in told)


HEARD = Heard()


def restore(name: str) -> None:
    """Run the pipeline and restore what anybody has computed; `push` is for later.

    After hours the credentials may have to be renewed first.
    """
    if dvc(["repro", "--pull"]):
        raise StorageError("a stage failed (above); `make push` shares what ran before it")


def train(name: str) -> None:
    """Run the pipeline; restore what anybody has computed, and share what is computed here."""
    failed = dvc(["repro", "--pull"])
    # Also after a failed stage: what the ones before it took hours for is worth sharing.
    try:
        send(name)
    except StorageError as error:
        if failed:
            raise StorageError(f"a stage failed (above), and nothing is shared: {error}") from error
        raise
    if failed:
        raise StorageError("a stage failed (above); what ran before it is shared")


def push(name: str) -> None:
    """Send what dvc.lock names; all of it must be in the remote then."""
    send(name)
    if HEARD.missing:  # DVC warns, and calls everything up to date
        raise StorageError(
            f"some outputs that dvc.lock names are neither here nor in {remote.address(name)} "
            f"(above); `make train ENV={name} SHARE=1` computes and sends them"
        )


def send(name: str) -> None:
    """Send the outputs that dvc.lock names, and then the run-cache entries that lead to them."""
    remote.check(name)  # DVC's own retries take a minute to say that nobody is there
    if dvc(["push", "--remote", name]):
        still_there(name)
        remote.check_transfer(name, write=True)
        raise StorageError(f"{remote.address(name)} did not take all outputs (above); {AGAIN}")
    try:
        run_cache.send(name)
    except Exception as error:  # s3fs raises those of three libraries
        still_there(name)
        raise StorageError(
            f"{remote.address(name)} did not take all run-cache entries: {error}; {AGAIN}"
        ) from error


def pull(name: str) -> None:
    """Bring the outputs that dvc.lock names into cache and work tree."""
    if dvc(["pull", "--remote", name]):
        still_there(name)
        remote.check_transfer(name, write=False)
        raise StorageError(
            f"{remote.address(name)} did not give all outputs that dvc.lock names (above): what "
            f"came is kept. `make verify ENV={name}` tells what is missing or broken, "
            f"`make train ENV={name} SHARE=1` computes what nobody has"
        )


def still_there(name: str) -> None:
    """Raise if the remote does not answer any more, or not to these credentials."""
    try:
        remote.check(name)
    except remote.ExpiredError:
        raise
    except StorageError as error:
        raise StorageError(f"{error}; {AGAIN}") from None


VERBS = {"train": train, "push": push, "pull": pull, "restore": restore}


def main() -> None:
    """Run the verb that the command line names."""
    words = sys.argv[1:]
    if len(words) != 1 or words[0] not in VERBS:
        raise ConfigError(f"expected one of {', '.join(VERBS)}, found {' '.join(words) or 'none'}")
    name = environment.asked()
    remote.check(name)
    for logger in map(logging.getLogger, ("dvc", "dvc_data", "dvc_objects")):
        logger.propagate = False  # they have their own way to the terminal
        logger.addHandler(HEARD)
    run_cache.bound()
    try:
        with remote.default(name):
            remote.check_config(name)
            VERBS[words[0]](name)
    except StorageError as error:
        if HEARD.full:
            raise StorageError("No space left on device") from error  # told by errors.run
        raise


if __name__ == "__main__":
    run(main)
