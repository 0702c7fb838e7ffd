"""Each verb refuses an environment that conf/ lacks, and names the one that was meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common import ROOT
from mlops.core import environment
from mlops.core.errors import ConfigError
from mlops.lineage import trace
from mlops.release import gate
from mlops.release.versions import bundle
from mlops.storage import retention, share, verify
from mlops.tracking import sync, ui


@pytest.mark.parametrize(
    "verb",
    [gate.main, bundle.lay_out, retention.main, sync.main, ui.main, verify.main],
    ids=lambda verb: f"{verb.__module__}.{verb.__name__}",
)
def test_a_slip_in_env_is_told(
    verb: Callable[[], object], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it acts on a store or a bucket that belongs to nobody."""
    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("ENV", "pord")

    with pytest.raises(ConfigError, match="unknown environment 'pord'; did you mean 'prod'"):
        verb()


@pytest.mark.usefixtures("project")
def test_push_and_lineage_tell_it_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take a word of their own first."""
    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("ENV", "pord")
    monkeypatch.setenv("RUN", "abc")
    monkeypatch.setattr("sys.argv", ["share", "push"])

    for verb in (share.main, trace.find):
        with pytest.raises(ConfigError, match="did you mean 'prod'"):
            verb()


def test_without_env_it_is_dev() -> None:
    """Whatever branch is checked out."""
    assert environment.asked() == "dev"
