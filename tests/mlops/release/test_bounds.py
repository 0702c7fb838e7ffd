"""By what qa and prod judge: conf/ as it is committed, and nothing that is only said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import releases
from ml.config import Params
from mlops.config import schema
from mlops.core.errors import DeployError, GateError
from mlops.release import bounds, gate, register
from mlops.release.versions.registry import Registry, Version
from releases import Train

LAX = {"min_accuracy": 0.0001, "min_macro_f1": 0.0001, "min_recall": 0.0}


def edited(**sections: dict[str, Any]) -> None:
    """Change params.yaml of the work tree, as `sed` does."""
    path = Path("params.yaml")
    values = yaml.safe_load(path.read_text())
    for name, changed in sections.items():
        values[name] |= changed
    path.write_text(yaml.safe_dump(values))


def challenger() -> Version:
    """Return the version that was judged."""
    found = Registry(schema.load()).alias("challenger")
    assert found
    return found


def by_set(train: Train) -> None:
    """Train with lower bounds in SET, which all of params.yaml has from the start."""
    train(releases.ONE_CLASS, gate=LAX)
    register.main()


def by_sed(train: Train) -> None:
    """Lower the bounds after the model was registered."""
    train(releases.ONE_CLASS)
    register.main()
    edited(gate=LAX)


def by_conf(train: Train) -> None:
    """Lower them in conf/ without committing it, where Git is told not to look."""
    train(releases.ONE_CLASS, gate=LAX)
    path = Path("conf/experiment/default.yaml")
    path.write_text(path.read_text() + yaml.safe_dump({"gate": {**releases.BOUNDS, **LAX}}))
    releases.git(Path(), "update-index", "--assume-unchanged", str(path))
    register.main()


def off(train: Train) -> None:
    """Turn the gate off."""
    train(releases.ONE_CLASS, gate={"enabled": False})
    register.main()


@pytest.mark.parametrize("way", [by_set, by_sed, by_conf, off], ids=lambda way: way.__name__)
def test_bounds_that_nobody_committed_count_for_nothing(
    trained: Train, qa: Params, way: Callable[[Train], None]
) -> None:
    """A coin stays rejected, and the version says by which bounds."""
    way(trained)

    with pytest.raises(GateError, match=r"accuracy: 0\.5000, expected at least 0\.8"):
        gate.main()

    tags = challenger().tags
    assert json.loads(tags["gate.bounds"])["min_accuracy"] == qa.gate.min_accuracy
    assert tags["gate.bounds.sha256"] == bounds.digest(qa)
    assert tags["gate.experiment"] == "default"


def test_bounds_of_the_work_tree_are_told(
    trained: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has raised or lowered one must not think that it counted."""
    trained(releases.GOOD, gate={"min_accuracy": 0.99})
    register.main()

    gate.main()

    said = "params.yaml is ignored here: gate.min_accuracy is 0.99, committed is 0.8"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("section", "changed"),
    [
        ("evaluate", {"resamples": 200}),
        ("evaluate", {"min_slice_rows": 400}),
        ("data", {"test_path": "/tmp/easy.csv"}),
        ("prepare", {"leakage": "drop"}),
        ("export", {"labels_agree": 0.5}),
        ("mlflow", {"registered_model": "another"}),
    ],
)
def test_a_model_that_was_measured_otherwise_is_rejected(
    trained: Train, section: str, changed: dict[str, Any]
) -> None:
    """Which rows it was tested on and what was asked there are bounds, too."""
    trained(releases.GOOD, **{section: changed})
    register.main()

    with pytest.raises(GateError, match=rf"measured by: {section}\.{next(iter(changed))} is "):
        gate.main()


def test_how_it_was_trained_is_free(trained: Train) -> None:
    """A sweep's best values can be registered from SET; they stand on the version."""
    trained(releases.GOOD, training={"epochs": 7}, serving={"max_items": 3})
    register.main()

    gate.main()

    assert challenger().tags["gate.verdict"] == "accepted"


def test_another_committed_experiment_has_its_own_bounds(
    project: Path, trained: Train, qa: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were reviewed with it; EXP names it, and it stands on the version with its bounds."""
    lax = qa.model_copy(update={"gate": qa.gate.model_copy(update=LAX)})
    releases.commit_conf(project, lax, "lax")
    trained(releases.ONE_CLASS)
    register.main()
    with pytest.raises(GateError, match="is rejected"):
        gate.main()

    monkeypatch.setenv("EXP", "lax")
    gate.main()

    assert challenger().tags["gate.experiment"] == "lax"
    assert json.loads(challenger().tags["gate.bounds"])["min_accuracy"] == 0.0001


def test_the_experiment_that_made_a_version_is_found_without_its_name(
    project: Path, trained: Train, qa: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP was typed at `make train` alone; then make says `default`."""
    monkeypatch.setenv("EXP", "default")
    mine = qa.model_copy(update={"evaluate": qa.evaluate.model_copy(update={"resamples": 177})})
    releases.commit_conf(project, mine, "mine")
    trained(releases.GOOD, evaluate={"resamples": 177})
    register.main()

    gate.main()

    assert challenger().tags["gate.experiment"] == "mine"


def test_an_experiment_that_is_not_committed_judges_nothing(
    project: Path, trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, and the commit that lacks it."""
    trained(releases.GOOD)
    register.main()
    experiments = project / "conf" / "experiment"
    shutil.copy(experiments / "default.yaml", experiments / "mine.yaml")
    monkeypatch.setenv("EXP", "mine")

    with pytest.raises(GateError, match=r"conf/ of commit .*unknown experiment 'mine'"):
        gate.main()


def test_without_a_commit_only_dev_judges(project: Path, trained: Train) -> None:
    """Nobody could say which bounds were reviewed."""
    trained(releases.GOOD)
    register.main()
    shutil.rmtree(project / ".git")

    with pytest.raises(GateError, match="the gate of every environment but dev"):
        gate.main()


def test_a_link_in_conf_is_refused(project: Path, trained: Train) -> None:
    """What it leads to is in no commit."""
    (project / "conf" / "env" / "more.yaml").symlink_to("/etc/hostname")
    releases.git(project, "add", "-A")
    releases.git(project, "commit", "-qm", "A link")
    trained(releases.GOOD)
    register.main()

    with pytest.raises(GateError, match=r"conf/env/more.yaml is a link"):
        gate.main()


def test_a_version_of_dev_is_not_accepted_in_qa(trained: Train) -> None:
    """One server may hold both; dev asks for nothing."""
    trained(releases.GOOD)
    register.main()
    Registry(schema.load()).tag(challenger(), {"environment": "dev"})

    with pytest.raises(GateError, match="environment: dev, expected qa"):
        gate.main()


@pytest.fixture(name="accepted")
def _accepted(trained: Train) -> Version:
    """A version that the gate has accepted."""
    trained(releases.GOOD)
    register.main()
    gate.main()
    return challenger()


@pytest.mark.usefixtures("accepted")
def test_an_accepted_version_has_a_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the environment."""
    gate.main()

    assert "next: make deploy ENV=qa" in capsys.readouterr().out


def test_a_version_that_was_judged_by_what_is_committed_may_be_deployed(accepted: Version) -> None:
    """As long as conf/ asks the same."""
    bounds.check(accepted, "qa")


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({"gate.bounds.sha256": None}, "has no record of the bounds.*make gate ENV=qa"),
        ({"gate.bounds.sha256": "0" * 64}, "evaluate or export differ.*make gate ENV=qa"),
        ({"environment": "dev"}, "was made in dev"),
        ({"gate.experiment": "gone"}, "unknown experiment 'gone'"),
    ],
)
def test_a_version_that_was_judged_otherwise_is_not_deployed(
    accepted: Version, tags: dict[str, str | None], told: str
) -> None:
    """One of 0.4.0 has no bounds on it; an edited tag is not what the commit says."""
    whole = {**accepted.tags, **tags}
    kept = {name: value for name, value in whole.items() if value is not None}

    with pytest.raises((DeployError, GateError), match=told):
        bounds.check(Version("classifier", "1", "run", kept, ()), "qa")


def test_bounds_that_were_raised_since_ask_for_the_gate_again(
    project: Path, accepted: Version, qa: Params
) -> None:
    """With what has changed."""
    raised = qa.gate.model_copy(update={"min_accuracy": 0.9})
    releases.commit_conf(project, qa.model_copy(update={"gate": raised}))

    with pytest.raises(DeployError, match=r"gate.min_accuracy is 0.8, committed is 0.9.*make gate"):
        bounds.check(accepted, "qa")


def test_who_is_challenger_and_champion_at_once_is_told(accepted: Version) -> None:
    """Somebody has moved an alias by hand; a comparison with itself would say `accepted`."""
    Registry(schema.load()).point("champion", accepted)

    with pytest.raises(GateError, match="version 1 is challenger and champion at once"):
        gate.main()
