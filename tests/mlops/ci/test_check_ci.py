"""The linters of CI: the files of this project have no finding, and a broken one is found. Slow."""

import shutil
import subprocess
from pathlib import Path

import pytest

import ci_tools
from common import ROOT
from mlops.ci import check_ci
from mlops.core.errors import ConfigError

pytestmark = pytest.mark.slow
WORKFLOW = Path(".github/workflows/dev.yml")


@pytest.fixture(name="copy")
def _copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What CI runs, as a repository of its own."""
    ci_tools.installed()
    for name in (".github", ".gitlab", ".ci", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in (".gitlab-ci.yml", ".secrets.baseline"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", ".github", ".gitlab", ".ci", ".gitlab-ci.yml"], check=True)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    """Break a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.usefixtures("copy")
def test_nothing_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """In what is committed."""
    check_ci.main()

    assert "no finding" in capsys.readouterr().out


@pytest.mark.usefixtures("copy")
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("path", "old", "new", "finder"),
    [
        (WORKFLOW, "runs-on:", "run-on:", "actionlint"),
        (WORKFLOW, "make push", "make push $UNQUOTED", "actionlint"),
        (WORKFLOW, "make push", "echo ${{ github.head_ref }}", "zizmor"),
        (WORKFLOW, "contents: read", "contents: all", "actionlint"),
        (WORKFLOW, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "zizmor"),
        (Path(".gitlab-ci.yml"), "timeout: 1h", "timeouts: 1h", "check-jsonschema"),
        (Path("conf/config.yaml"), "epochs: 6", "epochs: six", "check-jsonschema"),
        (Path("conf/model/bert.yaml"), "max_length:", "max_len:", "check-jsonschema"),
        (Path(".gitlab/prepare.sh"), "export BRANCH=", "unused=1; export BRANCH=", "shellcheck"),
    ],
)
def test_what_is_broken_is_found(path: Path, old: str, new: str, finder: str) -> None:
    """Each kind of mistake by its linter."""
    edit(path, old, new)

    with pytest.raises(ConfigError, match=finder):
        check_ci.main()
