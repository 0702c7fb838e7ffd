"""The Bento: built once for each content, small, and without what only training needs. Slow."""

import subprocess
import sys
from pathlib import Path

import bentoml
import pytest
import yaml

import served
import toy
from common import ROOT
from mlops.core.errors import ServingError
from mlops.release import package
from mlops.release.versions import bundle

pytestmark = pytest.mark.slow


def run(bento: served.Bento, *command: str) -> str:
    """Run a command in the project of a Bento, with its store."""
    done = subprocess.run(
        command,
        cwd=bento.project,
        env={**bento.environment, "PYTHONPATH": str(bento.project / "src")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def content(bento: served.Bento) -> Path:
    """Return the folder of a Bento."""
    return bento.home.joinpath("bentos", *bento.tag.split(":"))


def test_twice_gives_the_same_tag(bento: served.Bento) -> None:
    """The second time nothing is built."""
    again = run(bento, sys.executable, "-c", served.PACKAGE)

    assert again.split() == [bento.tag, "there"]


def test_another_store_gives_the_same_tag(bento: served.Bento, tmp_path: Path) -> None:
    """A colleague's machine, with the same model, code and lock."""
    assert served.build(tmp_path, bento.bin, max_items=100).tag == bento.tag


def test_another_setting_gives_another_tag(bento: served.Bento, tmp_path: Path) -> None:
    """It is part of what is served."""
    assert served.build(tmp_path, bento.bin, max_items=99).tag != bento.tag


def test_it_carries_what_serves_and_no_more(bento: served.Bento) -> None:
    """Service, model and lock; no stage, no data, no configuration of the training."""
    source = content(bento) / "src"
    found = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
    # Other tests serve this Bento, and Python leaves what it compiled beside it.
    files = {path.as_posix() for path in found if "__pycache__" not in path.parts}
    outside = {f for f in files if not f.startswith(("ml/api/", "mlops/serving/", "models/bento/"))}

    assert outside == {
        "bentofile.yaml",
        *(f"ml/{name}.py" for name in ("__init__", "project", "service")),
        *(f"mlops/{name}.py" for name in ("__init__", "core/__init__", "core/project")),
    }
    assert {
        "models/bento/cpu.onnx",
        "models/bento/serving.json",
        "mlops/serving/page.html",
    } <= files
    lock = (content(bento) / "env" / "python" / "requirements.txt").read_text()
    assert "onnxruntime==" in lock
    assert "torch" not in lock
    assert "transformers" not in lock


def test_on_a_gpu_it_carries_what_a_gpu_needs(bento: served.Bento, tmp_path: Path) -> None:
    """ONNX Runtime's other build, with CUDA's libraries."""
    built = served.build(tmp_path, bento.bin, device="cuda")
    lock = (content(built) / "env" / "python" / "requirements.txt").read_text()

    assert "onnxruntime-gpu==" in lock
    assert "nvidia-cudnn" in lock
    assert "onnxruntime==" not in lock


def test_its_image_is_the_base_and_the_lock(bento: served.Bento) -> None:
    """BentoML would add compilers and Git, half a gigabyte that a release carries around."""
    dockerfile = (content(bento) / "env" / "docker" / "Dockerfile").read_text()
    base = yaml.safe_load((ROOT / "bentofile.yaml").read_text())["docker"]["base_image"]

    assert f"FROM {base} AS" in dockerfile
    assert "apt-get" not in dockerfile


def test_it_is_labelled_with_its_origin(bento: served.Bento) -> None:
    """`bentoml get` tells model, version and environment."""
    described = yaml.safe_load((content(bento) / "bento.yaml").read_text())

    assert described["labels"].items() >= {"name": "tiny", "environment": "dev"}.items()


def test_bentoml_build_works_as_its_documentation_says(bento: served.Bento) -> None:
    """By hand, once the folder is laid out."""
    assert "Successfully built Bento" in run(bento, str(served.BIN / "bentoml"), "build")


def test_the_lock_stays_small(serving_bin: Path) -> None:
    """350 MB with everything; torch and transformers alone are over 1.2 GB."""
    files = (path for path in serving_bin.parent.rglob("*") if not path.is_symlink())
    size = sum(path.stat().st_size for path in files if path.is_file())

    assert size < 350_000_000


def test_what_bentoml_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, with the file to look at."""
    project = toy.project(tmp_path / "project")
    monkeypatch.chdir(project)
    monkeypatch.setattr("bentoml.bentos.get", _missing)
    bundle.lay_out()
    bentofile = project / "bentofile.yaml"
    bentofile.write_text(bentofile.read_text().replace("ml.service:", "ml.nothing:"))

    with pytest.raises(ServingError, match=r"bentofile\.yaml"):
        package.build(bundle.FOLDER)


def _missing(tag: str) -> None:
    raise bentoml.exceptions.NotFound(tag)
