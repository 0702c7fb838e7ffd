"""The notes of a release, from versions as the registry gives them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import load_bounds
import releases
from mlops.ci import release_notes
from mlops.client import load_table
from mlops.core import hashing, outputs
from mlops.core.errors import GateError, KnownError
from mlops.release import sbom
from mlops.release.versions.registry import Version

TEXTS = {name: f"{name} of the release" for name in ("metrics.json", "model_card.md")}
REPORTS = hashing.text(
    "".join(f"{name}\0{hashing.text(text)}\n" for name, text in sorted(TEXTS.items()))
)
NEW = Version(
    "tiny", "2", "run",
    {
        "git.dirty": "no", "files.reports.sha256": REPORTS,
        "environment": "prod", "model.sha256": "a" * 64, "git.commit": "b" * 40,
        "data.sha256": "c" * 64, "gate.verdict": "accepted", "gate.against": "tiny version 1",
        "test.accuracy": "0.93", "test.ece": "0.02",
    },
    (),
)  # fmt: skip
OLD = Version("tiny", "1", "run", {"git.commit": "d" * 40, "test.accuracy": "0.9"}, ())


class Versions:
    """A registry that holds these versions, the newest first."""

    name = "tiny"

    def __init__(self, *versions: Version) -> None:
        self._versions = versions

    def alias(self, _alias: str) -> Version | None:
        """Return the one that is live."""
        return next((one for one in self._versions if "champion" in one.aliases), None)

    def versions(self, **tags: str) -> list[Version]:
        """Return those that have these tags."""
        return [one for one in self._versions if tags.items() <= one.tags.items()]

    def download(self, _version: Version, folder: Path, part: str = "") -> Path:
        """Lay out the reports of a version."""
        (folder / part).mkdir()
        for name, text in TEXTS.items():
            (folder / part / name).write_text(text)
        return folder / part


def test_figures_stand_beside_those_of_the_model_before() -> None:
    """The one that was live when this one was judged; and how to go back."""
    text = "\n".join(release_notes.notes(OLD, NEW, "v2.0", "b" * 40))

    assert text.startswith("# v2.0\n")
    assert "| accuracy | 0.9 | 0.93 | +0.03 |" in text
    assert "| ece |  | 0.02 |  |" in text
    assert "against tiny version 1" in text
    assert 'make rollback ENV=prod WHY="..."' in text
    for value in ("a" * 64, "b" * 40, "c" * 64):
        assert value in text


def test_the_first_release_has_nothing_before_it() -> None:
    """And says so."""
    assert "the first of its name" in "\n".join(release_notes.notes(None, NEW, "", "b" * 40))


def test_a_release_is_of_an_accepted_version() -> None:
    """Of the newest that the gate accepted of this commit, or of the number that is asked for."""
    rejected = Version("tiny", "3", "run", {**NEW.tags, "gate.verdict": "rejected"}, ())
    registry = Versions(rejected, NEW, OLD)

    assert release_notes.released(registry, "", "b" * 40, "prod") == NEW
    assert release_notes.released(registry, "2", "another", "prod") == NEW
    with pytest.raises(GateError, match="the gate rejected tiny version 3"):
        release_notes.released(registry, "3", "b" * 40, "prod")
    with pytest.raises(GateError, match="no version 9 in prod, it has 3, 2, 1"):
        release_notes.released(registry, "9", "b" * 40, "prod")


LIVE = Version("tiny", "2", "run", NEW.tags, ("champion",))


def test_a_commit_that_makes_the_model_that_is_live_is_released_with_it() -> None:
    """Registering it again has noted that on the version: documentation is released so."""
    again = replace(LIVE, tags={**LIVE.tags, f"made.{'e' * 40}": "yes"})

    assert release_notes.released(Versions(again, OLD), "", "e" * 40, "prod") == again
    told = "\n".join(release_notes.notes(OLD, again, "v2.1", "e" * 40))
    assert f"Commit <code>{'e' * 40}</code> makes the same model." in told


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"git.commit": "d" * 40, "gate.verdict": "accepted"}, "has not been trained in prod yet"),
        ({"git.dirty": "yes", "gate.verdict": "accepted"}, "has not been trained in prod yet"),
        ({"gate.verdict": "rejected", "gate.reasons": "slow"}, r"rejected tiny version 3 \(slow\)"),
        ({}, "the gate has not evaluated tiny version 3 yet"),
    ],
)
def test_a_commit_without_an_accepted_version_is_not_released(
    tags: dict[str, str], told: str
) -> None:
    """Not with the version that is live: nobody knows that it is the model of this commit."""
    of_commit = {"git.commit": "e" * 40, "git.dirty": "no", **tags}
    registry = Versions(Version("tiny", "3", "run", of_commit, ()), LIVE, OLD)

    with pytest.raises(GateError, match=told):
        release_notes.released(registry, "", "e" * 40, "prod")


def test_a_tag_of_another_commit_is_refused(project: Path) -> None:
    """The notes of what is checked out would be published under its name; a new tag is free."""
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["tag", "v1.0"]):
        releases.git(project, *words)
    release_notes.check_tag("v1.1", "e" * 40)
    release_notes.check_tag("", "e" * 40)

    with pytest.raises(GateError, match=r"v1\.0 is commit .*but eeeeeeeeeeee is checked out"):
        release_notes.check_tag("v1.0", "e" * 40)


def test_the_folder_holds_what_a_release_is_told_with(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes, card and metrics of that version, and what is in its image."""
    from common import ROOT  # noqa: PLC0415

    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("VERSION", "2")
    monkeypatch.setattr(release_notes, "Registry", lambda _params: Versions(NEW, OLD))
    monkeypatch.setattr(
        sbom, "make", lambda version, _registry, _image, _engine: {"of": str(version)}
    )

    release_notes.main()

    assert {path.name for path in release_notes.FOLDER.iterdir()} == {
        "notes.md", "model_card.md", "metrics.json", "sbom.json",
    }  # fmt: skip
    assert "tiny version 2" in (release_notes.FOLDER / "notes.md").read_text()


@pytest.mark.parametrize("version", ["9", "3"])
def test_what_is_refused_leaves_nothing_to_publish(
    project: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The notes of an earlier release lie in the same folder."""
    from common import ROOT  # noqa: PLC0415

    (project / "conf").symlink_to(ROOT / "conf")
    release_notes.FOLDER.mkdir(parents=True)
    (release_notes.FOLDER / "notes.md").write_text("# v1.0")
    changed = Version("tiny", "3", "run", {**NEW.tags, "files.reports.sha256": "f" * 64}, ())
    monkeypatch.setenv("VERSION", version)
    monkeypatch.setattr(release_notes, "Registry", lambda _params: Versions(changed, NEW))

    with pytest.raises(KnownError, match=r"no version 9|tiny version 3 are not those"):
        release_notes.main()

    assert not release_notes.FOLDER.exists()


@pytest.mark.usefixtures("project")
def test_a_load_sweep_of_this_model_is_in_the_notes() -> None:
    """With the image that the registry knows; that of another model is left out."""
    sweep: dict[str, Any] = {
        "service": {"model_sha256": "a" * 64}, "image": None, "threads": 2, "cores": 4,
        "rows": [], "busy_threads": 0.61, "objective": load_bounds.of().model_dump(),
        "knee": {"rate": 45, "above": 49, "reason": ""},
    }  # fmt: skip
    pushed = replace(NEW, tags={**NEW.tags, "image": "registry/x@sha256:1f"})
    outputs.write_json(load_table.REPORT, sweep)

    text = "\n".join(release_notes.notes(OLD, pushed, "", "b" * 40))
    assert "knee 45/s" in text
    assert "registry/x@sha256:1f" in text
    assert "deploy.busy_threads: 0.61" in text

    outputs.write_json(load_table.REPORT, {**sweep, "service": {"model_sha256": "e" * 64}})
    assert "knee" not in "\n".join(release_notes.notes(OLD, pushed, "", "b" * 40))
