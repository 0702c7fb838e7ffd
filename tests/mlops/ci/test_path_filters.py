"""What a pull request runs follows from what it changes, the same on both hosts."""

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest
from pathspec import PathSpec

import clones
import workflows
from common import ROOT

# Files, and what has to run beside `make check-ci`, which looks for secrets in all of them.
CASES = {
    ("docs/guide.md", "README.md", "docs/images/flow.svg"): "",
    ("conf/config.yaml",): "model",
    ("params.yaml", "conf/experiment/mine.yaml"): "model",
    ("dvc.lock", "sources.lock"): "model",
    ("data/reviews.csv.dvc",): "model",
    ("src/ml/train.py",): "model code",
    ("tests/test_model.py",): "model code",
    ("src/mlops/reporting/report.html.j2",): "model code",
    ("pyproject.toml",): "model code",
    ("requirements/common.lock",): "model code",
    ("dvc.yaml",): "model code",
    ("Makefile",): "model code",
    (".github/workflows/qa.yml",): "model code",
    (".gitlab-ci.yml",): "model code",
    ("deploy/k8s/base/service.yaml",): "model code",
    ("tools/clean.py",): "model code",
    ("README.md", "conf/model/bert.yaml", "src/ml/service.py"): "model code",
}


@pytest.mark.parametrize(("files", "wanted"), CASES.items(), ids=lambda one: str(one)[:40])
def test_github_looks_at_what_has_changed(
    files: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    """The step itself, run on a branch that changes these files."""
    steps = workflows.load(ROOT / ".github" / "workflows" / "pull-request.yml")["jobs"]["changes"]
    (script,) = [step["run"] for step in steps["steps"] if "run" in step]
    git = ["git", "-C", str(tmp_path)]
    clones.call(tmp_path, "git", "init", "--quiet")
    clones.call(tmp_path, "git", "commit", "--quiet", "--allow-empty", "--message", "base")
    subprocess.run([*git, "update-ref", "refs/remotes/origin/qa", "HEAD"], check=True)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    clones.call(tmp_path, "git", "add", "--all", "--force")
    clones.call(tmp_path, "git", "commit", "--quiet", "--message", "change")

    output = tmp_path / "output"
    environ = {**os.environ, "BASE": "qa", "GITHUB_OUTPUT": str(output)}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environ, check=True
    )

    found = dict(line.split("=") for line in output.read_text().split())
    assert {name for name in found if found[name] == "true"} == set(wanted.split())


def braces(pattern: str) -> list[str]:
    """Return the patterns that one with braces stands for."""
    parts = [
        part[1:-1].split(",") if part[0] == "{" else [part]
        for part in re.findall(r"\{[^}]*\}|[^{]+", pattern)
    ]
    return ["".join(words) for words in itertools.product(*parts)]


@pytest.mark.parametrize(("files", "wanted"), CASES.items(), ids=lambda one: str(one)[:40])
def test_gitlab_looks_at_the_same(files: tuple[str, ...], wanted: str) -> None:
    """Its patterns begin at the top, as those of .gitignore with a slash."""
    jobs = workflows.gitlab_jobs()
    for job, kind in (("verify", "code"), ("validate", "model"), ("review", "model")):
        (rule,) = jobs[job]["rules"]
        patterns = [f"/{one}" for pattern in rule["changes"] for one in braces(pattern)]
        met = any(PathSpec.from_lines("gitignore", patterns).match_files(files))

        assert met == (kind in wanted.split()), job
    assert "changes" not in str(jobs["check-ci"]["rules"])
