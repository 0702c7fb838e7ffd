"""Rules of deployment.traefik.traffic: who gets the requests, and what is written with that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from mlops.core.errors import DeployError
from mlops.deployment import mover
from mlops.deployment.mover import Rule, Split
from mlops.deployment.traefik import traffic
from mlops.deployment.traefik.traffic import FILE, Backend, Traffic

BLUE, GREEN = Backend("qa-blue", 8081), Backend("qa-green", 8082)
BEGUN = datetime(2026, 11, 29, 12, tzinfo=UTC)
SPLIT = Split("canary", "8", 5, BEGUN.isoformat(), (BEGUN + timedelta(minutes=15)).isoformat())


def test_the_live_pod_is_the_first_of_the_file(tmp_path: Path) -> None:
    """Alone, beside a canary, and with a shadow."""
    for split in (None, SPLIT, replace(SPLIT, weight=100), replace(SPLIT, role="shadow")):
        second = GREEN if split else None
        (tmp_path / FILE).write_text(Traffic(BLUE, second, split).text)
        assert traffic.named(tmp_path) == "qa-blue"


def test_the_file_of_an_earlier_release_still_says_what_is_live(tmp_path: Path) -> None:
    """An update of the template finds the pod that an earlier one has deployed."""
    told = {"headers": {"customResponseHeaders": {"X-Served-By": "qa-green"}}}
    http = {"middlewares": {"told": told}, "services": {"live": {"loadBalancer": {}}}}
    (tmp_path / FILE).write_text(yaml.safe_dump({"http": http}))

    assert traffic.named(tmp_path) == "qa-green"
    assert traffic.divided(tmp_path) is None


def test_why_and_until_when_stand_beside_the_weights(tmp_path: Path) -> None:
    """In the same file; one version alone needs neither."""
    split = replace(SPLIT, role="ab", rules=(Rule("X-Unit", "^[0-7]", second=True),))
    (tmp_path / FILE).write_text(Traffic(BLUE, GREEN, split).text)
    assert traffic.divided(tmp_path) == split

    (tmp_path / FILE).write_text(Traffic(BLUE).text)
    assert traffic.divided(tmp_path) is None


def test_a_split_is_over_at_its_deadline() -> None:
    """Not before."""
    assert not SPLIT.is_over(BEGUN + timedelta(minutes=14, seconds=59))
    assert SPLIT.is_over(BEGUN + timedelta(minutes=15))


@pytest.mark.parametrize("text", ["", "[]", '{"role": "canary"}', SPLIT.text.replace("2026", "x")])
def test_an_edited_split_is_told(text: str) -> None:
    """With what to do: who cannot read a deadline cannot keep it."""
    with pytest.raises(DeployError, match=r"cannot be read.*make rollback"):
        mover.read(text)


def test_each_other_file_has_another_digest() -> None:
    """By which it is known that Traefik has read it."""
    found = [
        Traffic(BLUE),
        Traffic(GREEN),
        Traffic(BLUE, GREEN, SPLIT),
        Traffic(BLUE, GREEN, replace(SPLIT, weight=25)),
        Traffic(BLUE, GREEN, replace(SPLIT, deadline=BEGUN.isoformat())),
    ]
    assert len({one.digest for one in found}) == len(found)


def test_prometheus_is_told_what_each_pod_is_there_for() -> None:
    """Both versions of an A/B test are live; a shadow never is."""
    roles = [
        mover.role(live, split)
        for live, split in (
            (True, None),
            (True, SPLIT),
            (False, None),
            (False, SPLIT),
            (False, replace(SPLIT, role="ab")),
            (False, replace(SPLIT, role="shadow")),
        )
    ]
    assert roles == ["live", "live", "canary", "canary", "live", "shadow"]
