"""`make publish`, against a hub in memory: the real client, over HTTP, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import model_hub
import releases
import teams
from common import ROOT
from ml.config import Params
from model_hub import Hub
from teams import Team

REPO = "my-team/tickets"


@pytest.fixture(name="team", scope="module")
def _team(
    tmp_path_factory: pytest.TempPathFactory,
    empty_store: Path,
    make_params: Callable[..., Params],
) -> Iterator[Team]:
    """A project in qa with one accepted version, and another model in its work tree."""
    folder = tmp_path_factory.mktemp("project")
    with teams.team(folder, empty_store, make_params, {}) as team:
        team.accept(releases.WEAK)
        team.train(releases.BETTER)
        yield team


@pytest.fixture(name="hub")
def _hub() -> Iterator[Hub]:
    """An empty hub."""
    with model_hub.running() as hub:
        yield hub


def publish(team: Team, hub: Hub, **variables: str) -> tuple[int, str]:
    """Run the command as make does; return its exit code and all that it printed."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": model_hub.TOKEN, "HF_HOME": str(team.folder / "hf")}
    more = {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT / "src"), "REPO": REPO, "ENV": "qa"}
    done = subprocess.run(
        [sys.executable, "-m", "mlops.release.publish"],
        cwd=team.folder, env={**plain, **own, **more, **variables}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def test_the_model_of_the_work_tree_is_published_in_private(team: Team, hub: Hub) -> None:
    """Byte for byte, with the card as the page, and with the commit that made it."""
    code, output = publish(team, hub)

    assert code == 0, output
    assert hub.private == {REPO: True}
    model = team.folder / "models" / "model"
    card = (team.folder / "reports" / "model_card.md").read_bytes()
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    assert hub.files[REPO] == {**files, "README.md": card}
    assert " of the work tree (commit " in hub.message
    assert output.endswith(f" is at {hub.url}/{REPO} (private)\n")


def test_a_registered_version_is_published(team: Team, hub: Hub) -> None:
    """It, and not what is in the work tree; what the gate said goes along."""
    code, output = publish(team, hub, VERSION="1", PUBLIC="1")

    assert code == 0, output
    assert hub.private == {REPO: False}
    assert hub.files[REPO]["weights"] != (team.folder / "models/model/weights").read_bytes()
    name = team.registry.name
    assert hub.message == f"Publish {name} version 1 of qa (accepted by the gate)"
    assert output.endswith(f"{hub.url}/{REPO} (public)\n")


def test_a_repository_is_filled_again_but_none_that_everybody_sees(team: Team, hub: Hub) -> None:
    """What was published in private stays so; what is public must be meant."""
    hub.private |= {REPO: True, "my-team/open": False}

    assert publish(team, hub)[0] == 0
    code, output = publish(team, hub, REPO="my-team/open")
    assert code == 1
    assert "my-team/open is public. PUBLIC=1 publishes there" in output
    assert "my-team/open" not in hub.files


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"REPO": ""}, "REPO: expected owner/name, found nothing. Example: make publish REPO="),
        ({"REPO": "tickets"}, "REPO: expected owner/name, found tickets"),
        ({"HF_TOKEN": ""}, "HF_TOKEN is not set. Make a token that may write"),
        ({"HF_TOKEN": "hf_wrong"}, "Check REPO, that the token may write there, and HF_ENDPOINT"),
        ({"REPO": "strangers/x"}, "did not take strangers/x"),
        ({"VERSION": "9"}, "has no version 9 in qa. Available: 1"),
        ({"ENV": "prod"}, "expected a model of prod, found one of qa"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set; unset it to publish"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9 did not take my-team/tickets"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_published_is_said_in_a_sentence(
    team: Team, hub: Hub, variables: dict[str, str], message: str
) -> None:
    """And nothing is made on the hub."""
    code, output = publish(team, hub, **variables)

    assert code == 1
    assert message in output
    assert output.count("error: ") == 1
    assert hub.private == {}
    assert hub.files == {}
