"""`make check-ci`: nothing is found in this project, and what is broken is. Slow."""

import shutil
import subprocess
from pathlib import Path

import pytest

import ci_tools
from common import ROOT

pytestmark = pytest.mark.slow
WORKFLOW = Path(".github/workflows/dev.yml")
SCRIPT = Path(".gitlab/prepare.sh")
KEY = "AKIA" + "QWERTYUIOPASDFGH"


@pytest.fixture(name="copy")
def _copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What CI runs, in a folder of a repository."""
    ci_tools.installed()
    copy = tmp_path / "project"
    for name in (".github", ".gitlab", ".ci", "conf"):
        shutil.copytree(ROOT / name, copy / name)
    for name in (".gitlab-ci.yml", ".pre-commit-config.yaml", "Makefile", "CITATION.cff"):
        shutil.copy(ROOT / name, copy)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / ".gitignore").write_text(".venv\n")
    monkeypatch.chdir(copy)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "home"))
    return copy


def check(top: Path) -> tuple[int, str]:
    """Run the command in a repository that begins there; return its exit code and words."""
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)
    subprocess.run(["git", "add", "--all"], check=True)
    installed = [f"--old-file=.venv/{name}" for name in ("ci/installed", "installed-cpu")]
    command = ["make", *installed, "check-ci"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def edit(path: Path, old: str, new: str) -> None:
    """Break a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("top", [pytest.param(".", marks=pytest.mark.nightly), ".."])
def test_nothing_is_found(copy: Path, top: str) -> None:
    """In what is committed, and every check has files to look at; in a subfolder too.

    The first is `make check-ci` itself, which runs in CI.
    """
    code, text = check(copy / top)

    assert code == 0, text
    assert "Skipped" not in text


@pytest.mark.parametrize("top", [".", pytest.param("..", marks=pytest.mark.nightly)])
def test_several_findings_come_at_once(copy: Path, top: str) -> None:
    """A key, a script and a value of conf/ that are wrong are all shown."""
    (copy / "settings.py").write_text(f'aws = "{KEY}"\n')
    edit(copy / SCRIPT, "export BRANCH=", "unused=1; export BRANCH=")
    edit(copy / "conf" / "config.yaml", "epochs: 6", "epochs: six")

    code, text = check(copy / top)

    assert code != 0
    failed = [line.split(".")[0] for line in text.splitlines() if line.endswith("Failed")]
    assert [name.split(";")[0].split(",")[0] for name in failed] == [
        "shellcheck", "check-jsonschema", "detect-secrets",
    ]  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("path", "old", "new", "finder"),
    [
        (WORKFLOW, "runs-on:", "run-on:", "actionlint"),
        (WORKFLOW, "make push", "make push $UNQUOTED", "actionlint"),
        (WORKFLOW, "make push", "echo ${{ github.head_ref }}", "zizmor"),
        (WORKFLOW, "contents: read", "contents: all", "actionlint"),
        (WORKFLOW, "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "zizmor"),
        (Path(".gitlab-ci.yml"), "timeout: 1h", "timeouts: 1h", "gitlab-schema"),
        (Path("conf/model/bert.yaml"), "max_length:", "max_len:", "model-schema"),
        (Path(".github/ISSUE_TEMPLATE/bug.yml"), "label:", "title:", "issue-forms-schema"),
        (Path(".github/ISSUE_TEMPLATE/config.yml"), "url:", "link:", "issue-config-schema"),
        (Path("CITATION.cff"), "title:", "name:", "citation-schema"),
    ],
)
def test_what_is_broken_is_found(copy: Path, path: Path, old: str, new: str, finder: str) -> None:
    """Each kind of mistake by its linter."""
    edit(copy / path, old, new)

    code, text = check(copy)

    assert code != 0
    assert f"hook id: {finder}" in text
