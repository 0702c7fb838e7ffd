"""What operates a service, typed where nothing is deployed and files are not as expected."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import logged
from door import Project, project

pytestmark = pytest.mark.field
HIDDEN = "s3cret"  # in an address
STORE = "SET=request_log.url=$HERE/store"


@dataclass(frozen=True)
class Case:
    """A command as typed, and what it must say; `$HERE` is the folder of the clone."""

    name: str
    command: str
    says: tuple[str, ...]
    fails: bool = True


CASES = (
    Case("rules without a receiver", "make rules ENV=prod",
         ("nobody receives the alerts: set ALERT_URL", "reports/monitoring/prod/rules.yml"),
         fails=False),
    Case("rules with an address that is none", f"ALERT_URL=ftp://u:{HIDDEN}@x make rules ENV=prod",
         ("ALERT_URL",)),
    Case("drift where nothing is live", "make drift ENV=prod",
         ("no version of classifier is live",)),
    Case("a strategy that there is none of", "make deploy ENV=prod STRATEGY=bluegreen",
         ("expected canary", "found bluegreen")),
    Case("labels without texts", f'make label ENV=dev "{STORE}"',
         ("request_log.texts", "conf/env/dev.yaml")),
    Case("a log that nobody has named", "make ship-log ENV=dev", ("REQUEST_LOG: expected",)),
    Case("shipping once", f'REQUEST_LOG=$HERE/spool make ship-log ENV=dev ONCE=1 "{STORE}"',
         ("shipped 2 predictions",), fails=False),
    Case("shipping again", f'REQUEST_LOG=$HERE/spool make ship-log ENV=dev ONCE=1 "{STORE}"',
         ("shipped 0 predictions",), fails=False),
    Case("a plan to erase", f'make forget-requests ENV=dev ERASE=one "{STORE}"',
         ("1 predictions in 1 objects", "nothing is deleted yet"), fails=False),
    Case("erased", f'make forget-requests ENV=dev ERASE=one APPLY=1 "{STORE}"',
         ("erased: 1 predictions",), fails=False),
    Case("erased is gone", f'make forget-requests ENV=dev ERASE=one "{STORE}"',
         ("0 predictions in 0 objects",), fails=False),
    Case("labels of an experiment that there is none of",
         "make add-labels DATA=x.csv EXP=tickest NAME=new", ("unknown experiment 'tickest'",)),
    Case("labels without a new name", "make add-labels DATA=x.csv EXP=default",
         ("NAME must be given",)),
)  # fmt: skip


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone beside a spool of two requests."""
    home = project(tmp_path_factory.mktemp("operate") / "project")
    now = datetime.now(UTC)
    lines = [logged.lines(name, now) for name in ("one", "two")]
    logged.spool(Path(home.folder, "spool"), lines)
    (home.folder / "store").mkdir()
    return home


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W", "-", case.name))
def test_operate(case: Case, home: Project) -> None:
    """Each ends with a sentence; none prints a secret or a traceback."""
    answer = home.shell(case.command.replace("$HERE", str(home.folder)))

    assert "Traceback" not in answer.output, answer.output[-3000:]
    assert HIDDEN not in answer.output
    assert bool(answer.code) == case.fails, answer.output[-3000:]
    assert not [text for text in case.says if text not in answer.output], answer.output[-3000:]
