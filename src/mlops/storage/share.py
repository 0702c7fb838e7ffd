"""Share what the pipeline computes with everybody in the environment, through its DVC remote.

Reads: ENV, conf/, dvc.lock, the usual AWS variables
Writes: the remote of the environment; all but `push` the cache and the work tree
"""

import logging
import sys

from dvc.cli import main as dvc

from mlops.core import environment, terminal
from mlops.core.errors import INTERRUPTED, ConfigError, KnownError, StorageError, run
from mlops.pipeline import compose, tracked
from mlops.pipeline.train import reproduce
from mlops.storage import lazy_run_cache, remote

log = logging.getLogger(__name__)
AGAIN = "the same command again completes it: what has arrived is kept"


class Listener(logging.Handler):
    """Notes what DVC only mentions in its log: a full disk, lost outputs."""

    full = False
    missing = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a record mentions."""
        texts = [record.getMessage(), str(record.exc_info[1]) if record.exc_info else ""]
        self.full |= any("No space left on device" in text for text in texts)
        self.missing |= any("do not exist neither locally nor on remote" in text for text in texts)


listener = Listener()


def restore(name: str) -> None:
    """Run the pipeline and restore what others computed; `push` is for later.

    After hours the credentials may have to be renewed first.
    """
    fetch_data(name)
    reproduce(pull=True)


def train(name: str) -> None:
    """Run the pipeline; restore what others computed, and share what is computed here."""
    fetch_data(name)
    try:
        reproduce(pull=True)
    except (KnownError, SystemExit) as failed:
        if isinstance(failed, SystemExit) and failed.code == INTERRUPTED:
            raise
        # What ran before took hours, maybe, and is worth sharing.
        first = "" if isinstance(failed, SystemExit) else f"{failed}; "
        try:
            send(name)
        except StorageError as error:
            raise StorageError(f"{first}nothing is shared: {error}") from error
        if not first:  # the stage has named its error
            terminal.write("what ran before the stage that failed is shared")
            raise
        raise StorageError(f"{first}what ran before it is shared") from failed
    send(name)


def fetch_data(name: str) -> None:
    """Bring the sources that .dvc files name and that are not here, as in a clone of CI."""
    try:
        data = compose.asked().data.model_dump()
    except ConfigError:  # told by the first stage
        return
    for file in tracked.absent(data):
        if dvc(["pull", "--remote", name, str(file)]):
            log.warning(
                "warning: %s does not have the data of %s; `make push ENV=%s` where they are sends "
                "them",
                remote.get_address(name), file, name,
            )  # fmt: skip


def push(name: str) -> None:
    """Send what dvc.lock names; all of it must be in the remote then."""
    send(name)
    if listener.missing:  # DVC warns, and calls everything up to date
        raise StorageError(
            f"some outputs in dvc.lock are neither here nor in {remote.get_address(name)} "
            f"(above); `make train ENV={name} SHARE=1` computes and sends them"
        )


def send(name: str) -> None:
    """Send the outputs that dvc.lock names, and then the run-cache entries that lead to them."""
    remote.check(name)  # DVC's own retries take a minute to report a server that is down
    if dvc(["push", "--remote", name]):
        check_answers(name)
        remote.check_transfer(name, write=True)
        raise StorageError(
            f"{remote.get_address(name)} did not accept all outputs (above); {AGAIN}"
        )
    try:
        lazy_run_cache.send(name)
    except Exception as error:  # s3fs raises those of three libraries
        check_answers(name)
        raise StorageError(
            f"{remote.get_address(name)} did not accept all run-cache entries: {error}; {AGAIN}"
        ) from error


def pull(name: str) -> None:
    """Bring the outputs that dvc.lock names into cache and work tree."""
    if dvc(["pull", "--remote", name]):
        check_answers(name)
        remote.check_transfer(name, write=False)
        raise StorageError(
            f"{remote.get_address(name)} did not send all outputs in dvc.lock (above); what "
            f"arrived is kept. `make verify ENV={name}` shows what is missing or broken, "
            f"`make train ENV={name} SHARE=1` computes what the remote lacks"
        )


def check_answers(name: str) -> None:
    """Raise if the remote does not answer any more, or not to these credentials."""
    try:
        remote.check(name)
    except remote.ExpiredError:
        raise
    except StorageError as error:
        raise StorageError(f"{error}; {AGAIN}") from None


COMMANDS = {"train": train, "push": push, "pull": pull, "restore": restore}


def main() -> None:
    """Run the command that the command line names."""
    words = sys.argv[1:]
    if len(words) != 1 or words[0] not in COMMANDS:
        raise ConfigError(
            f"expected one of {', '.join(COMMANDS)}, found {' '.join(words) or 'none'}"
        )
    name = environment.asked()
    remote.check(name)
    for logger in map(logging.getLogger, ("dvc", "dvc_data", "dvc_objects")):
        logger.propagate = False  # they write to the terminal themselves
        logger.addHandler(listener)
    lazy_run_cache.install()
    try:
        with remote.use_as_default(name):
            remote.check_config(name)
            COMMANDS[words[0]](name)
    except StorageError as error:
        if listener.full:
            raise StorageError("No space left on device") from error  # explained by errors.run
        raise


if __name__ == "__main__":
    run(main)
