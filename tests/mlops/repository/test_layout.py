"""Drift: Makefile, README, dvc.yaml, schema, docs and workflows say the same."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from commands_page import words_of_make
from common import ROOT
from house import imported
from ml.config import Params
from mlops.release.versions import bundle

STAGES = ("compose", "ingest", "prepare", "train", "evaluate", "export")
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
README = (ROOT / "README.md").read_text()
MAKEFILE = "".join((ROOT / name).read_text() for name in ("Makefile", "template.mk"))
VERBS = words_of_make("Makefile", "template.mk")
CARD = re.findall(r"^([a-z0-9-]+):.*##(.*)", MAKEFILE, re.M)  # what `make` alone prints


def tracked() -> list[Path]:
    """Return the files of the project that Git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_one_name_in_five_places(stage: str) -> None:
    """It is a stage in dvc.yaml, a module, a test, a heading in the docs, and its own command."""
    module = "mlops.pipeline.compose" if stage == "compose" else f"ml.{stage}"
    assert PIPELINE[stage]["cmd"] == f"python -m {module}"
    assert (ROOT / "src" / f"{module.replace('.', '/')}.py").exists()
    assert list((ROOT / "tests").rglob(f"test_{stage}.py"))
    assert re.search(rf"^#+ .*`?{stage}`?", (ROOT / "docs" / "pipeline.md").read_text(), re.M)


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_names_values_that_exist(stage: str) -> None:
    """Each parameter in dvc.yaml is a key of params.yaml."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name in PIPELINE[stage]["params"]:
        found = values
        for part in name.split("."):
            assert part in found, name
            found = found[part]


@pytest.mark.parametrize("section", ["data", "prepare", "model", "training", "evaluate", "export"])
def test_some_stage_depends_on_each_value_of_the_pipeline(section: str) -> None:
    """Where a section is not named whole, none of its values is forgotten."""
    named = {name for stage in PIPELINE.values() for name in stage.get("params", [])}
    values = yaml.safe_load((ROOT / "params.yaml").read_text())[section]

    assert section in named or {f"{section}.{key}" for key in values} <= named


def test_no_stage_depends_on_values_that_only_say_where() -> None:
    """Changing the environment's name, resources, MLflow or a bound never trains again."""
    named = {name.split(".")[0] for stage in PIPELINE.values() for name in stage.get("params", [])}

    assert not named & {
        "environment", "resources", "serving", "load_test", "mlflow", "gate", "deploy", "storage",
    }  # fmt: skip


def test_every_default_has_its_reason() -> None:
    """Each section of the schema stands in conf/config.yaml, but for the project's own file."""
    text = (ROOT / "conf" / "config.yaml").read_text()
    computed = {"environment", "experiment", "snapshot"}
    sections = set(Params.model_fields) - computed - {"model", "project"}

    assert sections == set(re.findall(r"^(\w+):$", text, re.M)) - {"defaults"}


def test_make_prints_a_card_in_the_order_of_the_work() -> None:
    """`make` alone prints at most 20 commands, from the first look to going back."""
    done = subprocess.run(["make"], cwd=ROOT, text=True, capture_output=True, check=True)
    told = re.findall(r"^  make ([a-z0-9-]+) +\S", done.stdout, re.M)
    work = "doctor install validate train push serve register gate package deploy rollback"

    assert told == [word for word, _ in CARD]
    assert len(told) <= 20
    assert sorted(work.split(), key=told.index) == work.split()


def test_make_knows_every_variable_that_a_person_is_told_of() -> None:
    """Else it would refuse what help, README, docs or a workflow advise."""
    known = re.search(r"^VARIABLES := (.*)", MAKEFILE, re.M)
    assert known
    files = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.yml")]
    texts = [MAKEFILE, *(path.read_text() for path in files)]
    told = {
        name
        for line in "\n".join(texts).splitlines()
        for name in re.findall(r"\b([A-Z]+)=", line.partition("make ")[2])
    }
    told |= set(re.findall(r"\b([A-Z]+)=", "\n".join(text for _, text in CARD)))

    assert told <= set(known[1].split())


@pytest.mark.parametrize("verb", VERBS)
def test_a_document_names_every_verb(verb: str) -> None:
    """No verb is only known to the Makefile: README has it, or the document of its subject."""
    texts = README + "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))

    assert re.search(rf"make {verb}\b(?!-)", texts)


def test_documents_name_only_verbs_that_exist() -> None:
    """A verb in a document, in a block of commands or in a sentence, is one of the Makefile's."""
    files = [ROOT / "README.md", *ROOT.glob("CONTRIBUTING.md"), *(ROOT / "docs").glob("*.md")]
    for path in files:
        text = path.read_text()
        blocks = "\n".join(re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.S))
        called = re.findall(r"\bmake ([a-z][a-z0-9-]+)", blocks)
        called += re.findall(r"`make ([a-z][a-z0-9-]+)", text)

        assert set(called) <= set(VERBS), path


def test_the_tree_in_the_readme_exists() -> None:
    """Each path that the README's map shows is there."""
    tree = re.search(r"```text\n(.*?)```", README, re.S)
    assert tree
    paths = [line.split()[0] for line in tree[1].splitlines() if line.strip()]

    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_locks_name_no_index() -> None:
    """Each machine installs from its own index; hashes hold wherever a package comes from."""
    peers = ROOT / "benchmarks" / "peers" / "requirements.lock"
    for lock in (peers, *(ROOT / "requirements").glob("*.lock")):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock.read_text()), lock


def test_common_lock_is_hashed() -> None:
    """Each package of the common lock can be checked."""
    text = (ROOT / "requirements" / "common.lock").read_text()
    pins = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.M)
    unhashed = re.findall(r"^[^\s#].*[^\\]$", text, re.M)

    assert len(pins) > 100
    assert unhashed == []


def test_every_direct_dependency_is_locked_within_its_range() -> None:
    """A floor or ceiling that is changed without `make lock` shows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locks = [ROOT / "requirements" / name for name in ("common.lock", "torch-cpu.lock")]
    pins = dict(
        pin
        for lock in locks
        for pin in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", lock.read_text(), re.M)
    )
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pins[requirement.name]), requirement


def test_no_file_names_a_registry_host() -> None:
    """The project installs from whatever index a machine is set up for."""
    hosts = re.compile(
        "|".join(("pypi" r"\.org", "python" r"hosted\.org", "deb" r"\.debian", "npm" r"js\.org"))
    )
    named = [path for path in tracked() if path.suffix != ".png" and hosts.search(path.read_text())]

    assert named == []


def test_no_file_is_large() -> None:
    """DVC keeps what is big."""
    assert [path for path in tracked() if path.stat().st_size > 1_000_000] == []


def test_a_gpu_serves_with_the_same_packages() -> None:
    """But for ONNX Runtime and the libraries of CUDA that it needs."""
    cpu, cuda = (
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.M))
        for lock in bundle.LOCKS.values()
    )

    assert {pin.partition("==")[0] for pin in cpu - cuda} == {"onnxruntime"}
    assert {pin.partition("==")[0].partition("-")[0] for pin in cuda - cpu} == {
        "nvidia", "onnxruntime",
    }  # fmt: skip


@pytest.mark.parametrize("lock", bundle.LOCKS.values())
def test_the_serving_lock_carries_nothing_that_trains(lock: str) -> None:
    """Hashed, and without torch and transformers, larger than all the rest."""
    text = (ROOT / lock).read_text()
    names = {name.removesuffix("-gpu") for name in re.findall(r"^([\w.-]+)==", text, re.M)}

    assert re.findall(r"^[^\s#].*[^\\]$", text, re.M) == []
    assert {"bentoml", "onnxruntime", "tokenizers"} <= names
    assert not names & {"torch", "transformers", "onnx", "mlflow", "dvc", "polars", "scikit-learn"}


def test_what_is_served_is_what_was_tested() -> None:
    """Each range of the serving group is the project's, each version of its lock the common one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pin = re.compile(r"^([\w.-]+)==(\S+)", re.M)
    tested, carried = (
        set(pin.findall((ROOT / "requirements" / f"{name}.lock").read_text()))
        for name in ("common", "serving")
    )

    groups = project["dependency-groups"]
    ranges = {*groups["serving-anywhere"], *groups["serving"][1:]}
    assert ranges <= set(project["project"]["dependencies"])
    assert carried <= tested


def test_serving_imports_only_what_the_bento_carries() -> None:
    """No module of the service imports one of this project's that is not included."""
    service = ROOT / "src" / "ml" / "service.py"
    included = {path for name in bundle.CODE for path in (ROOT / name, *(ROOT / name).glob("*.py"))}

    assert imported(service) <= included
    assert {path for path in included - imported(service) if path.suffix == ".py"} == {
        path for path in included if path.name == "__init__.py"
    }
