"""What the service takes along: model, settings, provenance, and a version made from content."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import toy
from common import ROOT
from ml.config import Params
from mlops.core import hashing
from mlops.core.errors import ServingError
from mlops.release.versions import bundle
from mlops.serving import settings


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(toy.project(tmp_path / "project", max_items=7))
    return tmp_path / "project"


def edit(path: str, **changes: Any) -> None:
    """Change values in a JSON file."""
    value = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps(value | changes))


@pytest.mark.usefixtures("project")
def test_the_folder_is_what_the_service_reads() -> None:
    """The export as it is, the settings of the configuration, and what is known of both."""
    told = bundle.lay_out()
    model = settings.load(bundle.FOLDER)

    assert model.serving.settings.max_items == 7
    assert model.serving.preprocessing is True
    assert model.serving.info == told
    assert (told["name"], told["environment"]) == ("tiny", "dev")
    assert told["metrics"] == {"accuracy": 0.9, "rows": 500}
    assert told["model_sha256"] == toy.SIGNATURE["model_sha256"]
    copied = {path.name for path in bundle.FOLDER.iterdir()} - {"serving.json"}
    assert copied == {path.name for path in bundle.EXPORT.iterdir()}


def test_the_page_gets_examples_that_people_wrote(make_params: Callable[..., Params]) -> None:
    """The project's own, then of each behaviour test in turn; six, none twice, none endless."""
    cases = [{"text": text, "label": "a"} for text in ("one", "own", "x" * 201, "two", "three")]
    pairs = [
        {"before": before, "after": after, "label": "a"}
        for before, after in (("before", "after"), ("b", "c"))
    ]
    tests = [{"name": "cases", "cases": cases}, {"name": "pairs", "pairs": pairs}]
    params = make_params(evaluate={"behaviour": tests})

    assert bundle.examples(params, "own") == ["own", "one", "before", "after", "b", "two"]


@pytest.mark.parametrize(("path", "said"), [("synthetic", True), ("films.csv", False)])
@pytest.mark.usefixtures("project")
def test_a_model_of_synthetic_data_says_so(
    path: str, said: bool, make_params: Callable[..., Params]
) -> None:
    """To whoever asks the service what it is."""
    params = make_params(data={"train_path": path})

    assert bool(bundle.info(params, bundle.check_export())["notice"]) is said


@pytest.mark.usefixtures("project")
def test_the_export_itself_is_left_alone() -> None:
    """It belongs to DVC."""
    before = hashing.digest(bundle.EXPORT)
    bundle.lay_out()

    assert hashing.digest(bundle.EXPORT) == before


@pytest.mark.usefixtures("project")
def test_the_same_content_has_the_same_version() -> None:
    """Twice, and after a commit that changes nothing that is packaged."""
    first = bundle.lay_out()
    Path("README.md").write_text("another")
    second = bundle.lay_out()

    assert first["package"] == second["package"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "path",
    [
        "models/serving/cpu.onnx",
        "models/serving/tokenizer.json",
        "src/ml/__init__.py",
        "src/ml/service.py",
        "src/mlops/serving/engine.py",
        "src/mlops/serving/page.html",
        "requirements/serving.lock",
        "bentofile.yaml",
    ],
)
def test_other_content_has_another_version(path: str) -> None:
    """Model, code, packages, and what is built of them."""
    before = bundle.lay_out()["package"]
    with Path(path).open("ab") as file:
        file.write(b"\n")

    assert bundle.lay_out()["package"] != before


def test_a_gpu_has_a_lock_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It alone is part of what serves there."""
    monkeypatch.chdir(toy.project(tmp_path / "project", device="cuda"))
    versions = [bundle.lay_out()["package"]]
    for lock in (bundle.LOCKS["cpu"], bundle.LOCKS["cuda"]):
        with Path(lock).open("ab") as file:
            file.write(b"\n")
        versions.append(bundle.lay_out()["package"])

    assert versions[0] == versions[1] != versions[2]


@pytest.mark.usefixtures("project")
def test_other_settings_have_another_version() -> None:
    """They are packaged with the model."""
    before = bundle.lay_out()["package"]
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["serving"]["workers"] += 1
    Path("params.yaml").write_text(yaml.safe_dump(params))

    assert bundle.lay_out()["package"] != before


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("missing", ["models/serving/signature.json", "reports/metrics.json"])
def test_what_is_missing_is_told(missing: str) -> None:
    """With the command that makes it."""
    Path(missing).unlink()

    with pytest.raises(ServingError, match=f"{missing}.*make train"):
        bundle.lay_out()


@pytest.mark.usefixtures("project")
def test_the_export_must_be_of_the_trained_model() -> None:
    """A model that was trained again but not exported is not served as the new one."""
    Path("models/model").mkdir()
    with pytest.raises(ServingError, match="was not exported from"):
        bundle.lay_out()
    edit("models/serving/signature.json", model_sha256=hashing.digest(Path("models/model")))

    assert bundle.lay_out()


@pytest.mark.usefixtures("project")
def test_one_environment_is_not_served_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model in the work tree is that of the last `make train ENV=`."""
    monkeypatch.setenv("ENV", "qa")
    with pytest.raises(ServingError, match="make train ENV=qa"):
        bundle.lay_out()
    monkeypatch.setenv("ENV", "dev")

    assert bundle.lay_out()


def test_the_version_covers_all_that_is_packaged() -> None:
    """Whatever bentofile.yaml includes from src/ is part of the content."""
    bentofile = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    included = {name for name in bentofile["include"] if name.startswith("src/")}
    covered = {
        "src/ml/__init__.py",
        "src/ml/api/*.py",
        "src/ml/project.py",
        "src/ml/service.py",
        "src/mlops/__init__.py",
        "src/mlops/core/__init__.py",
        "src/mlops/core/project.py",
        "src/mlops/serving/*.py",
        "src/mlops/serving/page.html",
        "src/mlops/serving/request_log/*.py",
    }

    assert included == covered
    folders = {name.partition("/*")[0] for name in included if "page" not in name}
    assert set(bundle.CODE) == {"bentofile.yaml", *folders}
    assert bundle.LOCKS["cpu"] == bentofile["python"]["requirements_txt"]
