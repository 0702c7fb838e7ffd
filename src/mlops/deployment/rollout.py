"""One version takes over from another: recorded, tried without traffic, undone if it fails."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from mlops.config.schema import Params
from mlops.core import hashing
from mlops.core.errors import DeployError, KnownError
from mlops.deployment import mover, smoke_test, target
from mlops.deployment.smoke_test import Pod, Wanted
from mlops.deployment.target import BusyError, Target
from mlops.release.versions import history
from mlops.release.versions.history import DONE, ENDED, UNDONE, Entry, History
from mlops.release.versions.registry import CHALLENGER, CHAMPION, Registry, Version

log = logging.getLogger(__name__)

# Asked between the start of a version and its traffic: what is found of it, for the record.
# Whatever it raises undoes the change.
Trial = Callable[[Version, str, Pod], str]


@dataclass(frozen=True)
class Standing:
    """What was live before a change, and the manifests that bring it back."""

    version: Version | None = None
    text: str | None = None


class Rollout:
    """What is live in an environment, and how that is changed."""

    def __init__(self, params: Params) -> None:
        self.target: Target = target.select(params)
        self.registry = Registry(params)
        self._params = params

    @property
    def history(self) -> History:
        """Read the record."""
        return history.read(self.registry.notes())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other deployments out; complete or undo one that was killed."""
        with self.target.lock():
            found = self.history
            if found.wrong:
                log.warning("the record of deployments was changed: %s", found.wrong)
            if found.unfinished:
                self._recover(found.unfinished)
            elif mover.is_overdue(self.target):
                self._unite()
            yield

    def is_live(self, version: Version) -> bool:
        """Return whether a version is champion, has the traffic, and answers."""
        live, champion = self.target.live(), self.registry.alias(CHAMPION)
        if not live or not champion or {live.version, champion.number} != {version.number}:
            return False
        try:
            for pod in live.pods:
                smoke_test.check(pod, replace(self._wanted(version), seconds=0))
        except DeployError as error:
            log.warning("%s", error)
            return False
        return True

    def attend(self) -> None:
        """Undo what divides the traffic while nobody judges it any more."""
        overdue = mover.is_overdue(self.target)
        if overdue or (mover.divided(self.target) and self.history.unfinished):
            with suppress(BusyError), self.locked():
                pass

    def _unite(self) -> None:
        """Give all of the traffic to what the record says is live."""
        standing = self._standing()
        log.warning("the time of the second version is over: all requests go to what is live")
        self.target.back(standing.text)
        number = standing.version.number if standing.version else ""
        self._note(Entry(ENDED, number, why="its time was over"))

    def replace(
        self, version: Version, entry: Entry, text: str, trial: Trial | None = None
    ) -> None:
        """Make a version live by its manifests; raise DeployError when that failed."""
        before = self._standing()
        kept = self.registry.keep(version, text)
        number = before.version.number if before.version else ""
        self._note(replace(entry, version=version.number, before=number, manifests=kept))
        try:
            with _interrupted_by_sigterm():
                found = self._take_over(version, text, trial)
        except BaseException as error:
            reason = _reason(error)
            with _undisturbed():
                undone = self._undo(before, reason)
            raise DeployError(f"{version} was not deployed: {reason}; {undone}") from None
        self._complete(version, found)

    def _take_over(self, version: Version, text: str, trial: Trial | None) -> str:
        wanted = self._wanted(version)
        log.info("version %s starts, without traffic", version.number)
        started = self.target.start(text)
        smoke_test.check(started, wanted)
        found = trial(version, text, started) if trial else ""
        log.info("it predicts; now it gets the traffic")
        for pod in self.target.switch(text):
            smoke_test.check(pod, wanted)
        self.registry.point(CHAMPION, version)
        return found

    def _complete(self, version: Version, found: str = "") -> None:
        challenger = self.registry.alias(CHALLENGER)
        if challenger and challenger.number == version.number:
            self.registry.forget(CHALLENGER)
        self.target.finish()
        self._note(Entry(DONE, version.number, why=found))

    def _recover(self, begun: Entry) -> None:
        log.warning("the %s of version %s was interrupted", begun.what, begun.version)
        version = self.registry.find(begun.version)
        if version and self.is_live(version):
            self._complete(version)
            log.warning("it is complete now")
        else:
            log.warning("%s", self._undo(self._standing(), "it was interrupted"))

    def _undo(self, before: Standing, reason: str) -> str:
        """Bring back what was live before; return how that went."""
        try:
            self.target.back(before.text)
            if before.version:
                self.registry.point(CHAMPION, before.version)
            elif self.registry.alias(CHAMPION):
                self.registry.forget(CHAMPION)
            begun = self.history.unfinished
            self._note(Entry(UNDONE, begun.version if begun else "", why=reason))
        except KnownError as error:
            return f"undoing failed as well: {error}; run the same command again when it can work"
        return f"{before.version} is live as before" if before.version else "nothing is live"

    def _standing(self) -> Standing:
        """Return what the record says is live."""
        entry = self.history.live
        version = self.registry.find(entry.version) if entry else None
        if entry is None or version is None:
            return Standing()
        return Standing(version, self.registry.kept(version, entry.manifests))

    def _wanted(self, version: Version) -> Wanted:
        tags, params = version.tags, self._params
        return Wanted(
            tags["model.sha256"], tags["bento"], params.export.example, params.deploy.start_seconds
        )

    def _note(self, entry: Entry) -> None:
        whole = self.history.next(entry)
        self.registry.note(history.key(whole), whole.text)
        if whole.what in (DONE, UNDONE) and self.target.live():
            self.target.mark(hashing.text(whole.text))


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    return str(error) or type(error).__name__


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which CI ends a job, undo as Ctrl+C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody interrupt what brings back the version that was live."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
