"""The files of a version are its own, for ever; what 0.4.0 has overwritten comes back."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

import releases
from ml.config import Params
from mlops.core import hashing
from mlops.core.errors import DeployError, GateError, ServingError
from mlops.deployment import deploy
from mlops.release import gate, package, register
from mlops.release.versions import version_files
from mlops.release.versions.registry import Registry, Version
from releases import Train


@pytest.fixture(name="registry")
def _registry(qa: Params, request: pytest.FixtureRequest) -> Registry:
    request.getfixturevalue("trained")  # which makes the store
    return Registry(qa)


def settings(train: Train, items: int) -> Version:
    """Register the good model with another setting of its service; return the challenger."""
    train(releases.GOOD, serving={"max_items": items})
    register.main()
    return challenger()


def challenger() -> Version:
    """Return the version that was registered last."""
    from mlops.config import schema  # noqa: PLC0415

    found = Registry(schema.load()).alias("challenger")
    assert found
    return found


def shared(registry: Registry, version: Version) -> Version:
    """Move the files of a version to where 0.4.0 had them; without the hashes of parts."""
    source = f"runs:/{version.run_id}/release"
    kept = {
        k: v for k, v in version.tags.items() if not k.startswith(("files.", "measured", "made"))
    }
    client = mlflow.MlflowClient()
    place = Path(registry.download(version, Path("old") / version.number))
    client.log_artifacts(version.run_id, str(place), "release")
    client.delete_model_version(version.name, version.number)
    made = client.create_model_version(version.name, source, version.run_id, tags=kept)
    found = registry.find(str(made.version))
    assert found
    return found


def test_the_same_training_with_other_settings_keeps_the_files_of_each_version(
    tmp_path: Path, registry: Registry, trained: Train
) -> None:
    """One run made all of them; back to the first settings is the first version, which holds."""
    found = [settings(trained, items) for items in (10, 20, 30)]
    again = settings(trained, 10)

    assert [one.number for one in found] == ["1", "2", "3"]
    assert again.number == "1"
    for version in found:
        files = registry.download(version, tmp_path / version.number)
        assert hashing.digest(files) == version.tags["release.sha256"]
    gate.main()
    assert challenger().tags["gate.verdict"] == "accepted"


def test_a_version_of_0_4_0_is_judged_and_read_as_before(
    tmp_path: Path, registry: Registry, trained: Train, qa: Params
) -> None:
    """It lies in the folder that all versions of its run shared."""
    old = shared(registry, settings(trained, 10))
    registry.point("challenger", old)

    gate.main()

    assert registry.find(old.number).tags["gate.verdict"] == "accepted"  # type: ignore[union-attr]
    assert version_files.fetch(registry, old, tmp_path / "down", "reports").name == "reports"
    assert deploy.restore_params(old, registry, qa).serving.max_items == 10


def test_a_new_version_of_the_same_run_leaves_one_of_0_4_0_whole(
    tmp_path: Path, registry: Registry, trained: Train
) -> None:
    """They do not share a folder."""
    old = shared(registry, settings(trained, 10))

    settings(trained, 20)

    assert version_files.whole(registry, old, tmp_path / "down")


@pytest.fixture(name="lost")
def _lost(registry: Registry, trained: Train) -> Version:
    """A version that 0.4.0 overwrote by registering other settings of the same training."""
    old = shared(registry, settings(trained, 10))
    later = shared(registry, settings(trained, 20))
    assert old.source == later.source
    return old


@pytest.mark.parametrize("verb", ["package", "deploy", "notes"])
def test_whoever_reads_overwritten_files_says_so(
    tmp_path: Path, lost: Version, registry: Registry, qa: Params, verb: str
) -> None:
    """By which version, and how to bring them back."""
    readers: dict[str, Callable[[], object]] = {
        "package": lambda: package.build_version(lost, registry),
        "deploy": lambda: deploy.restore_params(lost, registry, qa),
        "notes": lambda: version_files.fetch(registry, lost, tmp_path / "down", "reports"),
    }
    told = r"version \d+ were overwritten when .*version \d+ was registered; check out its commit"

    with pytest.raises(DeployError, match=told):
        readers[verb]()


def test_a_damaged_version_is_registered_anew(
    project: Path, registry: Registry, trained: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not `registered already`, which would leave nothing that can be judged."""
    first = settings(trained, 10)
    (stored,) = (project / ".mlflow").rglob("releases/*/params.yaml")
    stored.write_text("somebody was here")

    again = settings(trained, 10)

    assert again.number != first.number
    assert f"the files of {first} are not those" in capsys.readouterr().out
    assert version_files.whole(registry, again, project / "down")
    gate.main()
    assert challenger().tags["gate.verdict"] == "accepted"


def test_a_champion_whose_files_are_lost_is_compared_again_once_it_is_registered_anew(
    lost: Version, registry: Registry, trained: Train, project: Path, qa: Params
) -> None:
    """Until then the gate says what to do; then the new version answers for it."""
    registry.point("champion", lost)
    trained(releases.WEAK)
    register.main()
    with pytest.raises(GateError, match=r"files are lost or changed.*make register ENV=qa"):
        gate.main()

    settings(trained, 10)
    trained(releases.WEAK)
    register.main()
    with pytest.raises(GateError, match="lead over the champion"):
        gate.main()
    assert challenger().tags["gate.against"] == str(lost)

    assert settings(trained, 10)
    gate.main()
    assert challenger().tags["gate.verdict"] == "accepted"


def test_a_registration_that_was_killed_is_completed(registry: Registry, trained: Train) -> None:
    """What it has uploaded so far is no part of the version."""
    first = settings(trained, 10)
    client = mlflow.MlflowClient()
    client.delete_model_version(first.name, first.number)
    place = first.source.removeprefix(f"runs:/{first.run_id}/")
    client.log_text(first.run_id, "half", f"{place}/bento/half.onnx")

    again = settings(trained, 10)

    assert again.source == first.source
    assert version_files.whole(registry, again, Path("again"))


@pytest.mark.usefixtures("registry")
def test_a_work_tree_that_changes_meanwhile_is_not_registered(
    trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands at once would give a version the tags of one and the files of the other."""
    trained(releases.GOOD)
    copy = register.lay_out

    def changing(folder: Path) -> None:
        copy(folder)
        path = folder / "params.yaml"
        path.write_text(path.read_text().replace("max_items: 256", "max_items: 255"))

    monkeypatch.setattr(register, "lay_out", changing)

    with pytest.raises(ServingError, match="changed while it was registered"):
        register.main()


def test_what_was_registered_from_no_commit_is_registered_again_from_one(
    project: Path, registry: Registry, trained: Train
) -> None:
    """Else it could never be deployed, for the same content is the same version."""
    (project / "conf" / "note.yaml").write_text("a: 1\n")
    dirty = settings(trained, 10)
    (project / "conf" / "note.yaml").unlink()

    clean = settings(trained, 10)

    assert (dirty.tags["git.dirty"], clean.tags["git.dirty"]) == ("yes", "no")
    assert len(registry.versions()) == 2


def test_a_commit_that_makes_a_version_again_is_noted_on_it(
    project: Path, registry: Registry, trained: Train
) -> None:
    """Release notes of that commit are of this version, and only then."""
    first = settings(trained, 10)
    releases.git(project, "commit", "-q", "--allow-empty", "-m", "Documentation")

    again = settings(trained, 10)

    assert again.number == first.number
    assert len([name for name in again.tags if name.startswith("made.")]) == 2
    assert registry.versions()[0].number == "1"
