"""Canaries under an open-loop client: real proxy, real Prometheus, versions that are bad."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest

import canaries
import served
from canaries import Stage
from ml.config import Params
from mlops.core.errors import DeployError
from mlops.deployment import rollback
from mlops.deployment.target import BusyError
from mlops.release.versions.history import DONE, UNDONE
from mlops.release.versions.registry import Version

pytestmark = pytest.mark.integration


@pytest.fixture(name="stage", scope="module")
def _stage(
    traefik: Path,
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    make_params: Callable[..., Params],
) -> Iterator[Stage]:
    """Version 1 is live and good."""
    folder = tmp_path_factory.mktemp("stage")
    store = folder / ".mlflow" / "qa"
    store.mkdir(parents=True)
    shutil.copy(empty_store, store)
    params = make_params(environment="qa", canary=canaries.SETTINGS, deploy={"start_seconds": 30})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with canaries.stage(traefik, params) as stage:
            yield stage


def judging(stage: Stage, version: Version) -> "subprocess.Popen[str]":
    """Start the process of a canary; return it when a fifth of the requests goes there."""
    judge = stage.start_judge(version)
    assert judge.stderr
    seen = [*takewhile(lambda line: "gets 20 % of the requests" not in line, judge.stderr)]
    assert judge.poll() is None, seen
    return judge


def assert_as_before(stage: Stage, version: str = "1") -> None:
    """Fail where something is left of a canary: its traffic, its pod, an open record."""
    assert stage.last.what == UNDONE
    assert stage.target.divided() is None
    assert not (stage.target.folder / "qa-green.json").exists()
    live = stage.target.live()
    assert live
    assert live.version == version


BAD = {
    "slow": "slower than 0.25 s",
    "one class": "prediction shift",
    "labels swapped": "prediction shift",
    "other labels": "prediction shift",
    "500": "errors",
    "503": "errors",
    "hanging": "answers: ",
    "growing": "out of memory|errors",
}


# What another case shows as well, and what takes longest.
SELDOM = ("503", "other labels", "growing")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(*one, marks=[pytest.mark.nightly] if one[0] in SELDOM else [])
        for one in BAD.items()
    ],
)
def test_a_bad_canary_is_undone_without_a_person(stage: Stage, behaviour: str, reason: str) -> None:
    """It is on the record why, and no request is lost but those that it was given itself."""
    bad = stage.register(behaviour)

    with stage.asked() as client, pytest.raises(DeployError, match=rf"({reason}).*live as before"):
        stage.try_canary(bad)

    assert_as_before(stage)
    own = client.failed.pop("qa-green", 0)
    assert client.failed.total() == 0
    assert bool(own) == (behaviour in ("500", "503", "hanging", "growing"))
    assert client.sent == client.answered.total() + own


def test_a_killed_judge_leaves_no_canary_behind_the_next_verb(stage: Stage) -> None:
    """Kill -9 while the traffic is divided: what is live answers, and the next verb undoes it."""
    good = stage.register()
    with stage.asked() as client:
        judge = judging(stage, good)
        with pytest.raises(BusyError), stage.rollout.locked():  # a second deployment meanwhile
            pass
        judge.send_signal(signal.SIGKILL)
        judge.wait()
        split = stage.target.divided()
        assert split
        assert (split.role, split.version, split.is_over()) == ("canary", good.number, False)

        stage.rollout.attend()

    assert_as_before(stage)
    assert stage.last.why == "it was interrupted"
    assert client.failed.total() == 0


def test_a_rollback_meanwhile_ends_the_canary(stage: Stage) -> None:
    """Whoever judges undoes it; what was live stays live."""
    good = stage.register()
    with stage.asked() as client:
        judge = judging(stage, good)
        begun = stage.rollout.history.unfinished
        assert begun
        assert rollback.end(stage.rollout, begun, "complaints")
        judge.communicate()

    assert_as_before(stage)
    assert "has stopped it (complaints)" in stage.last.why
    assert client.failed.total() == 0


def test_without_prometheus_nothing_is_promoted(stage: Stage) -> None:
    """What nobody can see is unknown, and unknown ends at the time limit."""
    good = stage.register()
    deploy = stage.params.deploy.model_copy(update={"start_seconds": 2})
    blind = replace(
        stage,
        params=stage.params.model_copy(update={"deploy": deploy}),
        prometheus=f"http://127.0.0.1:{served.free_port()}",
    )

    with pytest.raises(DeployError, match=r"unknown after 2 s .*no Prometheus at .*make watch"):
        blind.try_canary(good)
    assert_as_before(stage)


def test_too_few_requests_promote_nothing(stage: Stage) -> None:
    """A canary that nobody asks is unknown, however long it runs."""
    good = stage.register()
    canary = stage.params.canary.model_copy(update={"step_seconds": 2})
    short = replace(stage, params=stage.params.model_copy(update={"canary": canary}))

    with pytest.raises(DeployError, match=r"unknown after 2 s .*fewer than 60"):
        short.try_canary(good)
    assert_as_before(stage)


def test_a_canary_that_is_never_ready_gets_no_traffic(stage: Stage) -> None:
    """It ends as any deployment of such a version does."""
    broken = stage.register(behaviour="500", after=0)

    with pytest.raises(DeployError, match=r"cannot predict .* live as before"):
        stage.try_canary(broken)
    assert_as_before(stage)


def test_a_good_version_that_merely_differs_is_promoted(stage: Stage) -> None:
    """No request fails, and the record says what it was judged by."""
    retrained = stage.register("differs")

    with stage.asked() as client:
        stage.try_canary(retrained)

    live = stage.target.live()
    assert live
    assert live.version == retrained.number
    assert stage.last.what == DONE
    assert stage.last.why.startswith("20 %: errors: 0.00% of ")
    assert "prediction shift" in stage.last.why
    assert stage.target.divided() is None
    assert client.failed.total() == 0
