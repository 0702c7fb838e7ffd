"""The notes of a release, from versions as the registry gives them."""

from pathlib import Path

import pytest

from ml import release_notes, sbom
from ml.errors import GateError
from ml.registry import Version

NEW = Version(
    "tiny", "2", "run",
    {
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

    def download(self, _version: Version, folder: Path, part: str) -> Path:
        """Lay out the reports of a version."""
        (folder / part).mkdir()
        for name in ("metrics.json", "model_card.md"):
            (folder / part / name).write_text(f"{name} of the release")
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
    """Of this commit, or of the number that is asked for; else it says what to wait for."""
    rejected = Version("tiny", "3", "run", {**NEW.tags, "gate.verdict": "rejected"}, ())
    registry = Versions(rejected, NEW, OLD)

    assert release_notes.released(registry, "", "b" * 40) == NEW
    assert release_notes.released(registry, "2", "another") == NEW
    for number, commit in (("3", "b" * 40), ("", "e" * 40)):
        with pytest.raises(GateError, match="run this again then"):
            release_notes.released(registry, number, commit)


def test_a_commit_that_changed_no_model_is_told_of() -> None:
    """Documentation is released with the model that is live."""
    live = Version("tiny", "2", "run", NEW.tags, ("champion",))

    assert release_notes.released(Versions(live, OLD), "", "e" * 40) == live
    told = "\n".join(release_notes.notes(OLD, live, "v2.1", "e" * 40))
    assert "has made no other model" in told


def test_the_folder_holds_what_a_release_is_told_with(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes, card and metrics of that version, and what is in its image."""
    from conftest import ROOT  # noqa: PLC0415

    (project / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setenv("VERSION", "2")
    monkeypatch.setattr(release_notes, "Registry", lambda _params: Versions(NEW, OLD))
    monkeypatch.setattr(
        sbom, "of", lambda version, _registry, _image, _engine: {"of": str(version)}
    )

    release_notes.main()

    assert {path.name for path in release_notes.FOLDER.iterdir()} == {
        "notes.md", "model_card.md", "metrics.json", "sbom.json",
    }  # fmt: skip
    assert "tiny version 2" in (release_notes.FOLDER / "notes.md").read_text()
