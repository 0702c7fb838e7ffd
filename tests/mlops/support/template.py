"""Copier, scratch clones of the template with releases in them, and projects made of these."""

import os
import subprocess
import tomllib
from pathlib import Path

import yaml
from pathspec import PathSpec

import clones
from common import ROOT

ANSWERS = {
    "NAME": "support-mail",
    "DESCRIPTION": "Sorts support mail: by urgency, für alle",
    "OWNER": "acme/ml-team",
    "PLATFORM": "acme/platform",
    "BUCKET": "acme-ml",
    "REGISTRY": "ghcr.io/acme",
    "TARGET": "podman",
}
FUTURE = 4_000_000_000  # seconds: newer than every file that an update writes


def inherited() -> set[str]:
    """Return what a project gets of the files that Git knows here or would add."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    excluded = yaml.safe_load((ROOT / "copier.yml").read_text())["_exclude"]
    out = PathSpec.from_lines("gitignore", excluded)
    return {
        name
        for name in filter(None, names.split("\0"))
        if (ROOT / name).is_file() and not out.match_file(name)
    }


def lent(folder: Path) -> Path:
    """Lend a project the environments of these tests; whatever changes, make installs none."""
    subprocess.run(["make", "--silent", ".venv/copier/installed"], cwd=ROOT, check=True)
    for place in (".venv", ".venv/copier"):
        (folder / place).mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (folder / place / name).symlink_to(ROOT / place / name)
    for mark in (".venv/installed-cpu", ".venv/copier/installed"):
        (folder / mark).write_bytes((ROOT / mark).read_bytes())
        os.utime(folder / mark, (FUTURE, FUTURE))
    return folder


def copied(template: Path, folder: Path, version: str = "HEAD", **answers: str) -> Path:
    """Run `copier copy`, then what its message says."""
    subprocess.run(["make", "--silent", ".venv/copier/installed"], cwd=ROOT, check=True)
    copier = ROOT / ".venv" / "copier" / "bin" / "copier"
    data = [word for name in answers for word in ("--data", f"{name.lower()}={answers[name]}")]
    words = ["copy", "--quiet", "--defaults", "--vcs-ref", version, *data]
    clones.call(ROOT, str(copier), *words, str(template), str(folder))
    clones.call(folder, "git", "init", "--quiet", "--initial-branch", "main")
    committed(folder, "New project")
    return lent(folder)


def committed(folder: Path, message: str) -> None:
    """Commit all that is there."""
    clones.call(folder, "git", "add", "--all")
    clones.call(folder, "git", "commit", "--quiet", "--message", message)


def release_commits(template: Path) -> dict[str, str]:
    """Return the commits that gave the template its last two versions, by tag, oldest first."""
    log = clones.call(
        template, "git", "log", "--first-parent", "--format=%H", "-G^version = ", "--",
        "pyproject.toml",
    )  # fmt: skip
    found = {}
    for commit in log.split():
        files = clones.call(template, "git", "ls-tree", "--name-only", commit)
        text = clones.call(template, "git", "show", f"{commit}:pyproject.toml")
        if "copier.yml" in files.split():
            found[f"v{tomllib.loads(text)['project']['version']}"] = commit
    return dict(list(found.items())[:2][::-1])


def releases(template: Path) -> list[str]:
    """Tag the last two releases, oldest first: tags do not travel with every checkout."""
    found = release_commits(template)
    for tag, commit in found.items():
        clones.call(template, "git", "tag", "--force", tag, commit)
    return list(found)


def next_release(template: Path) -> str:
    """Release what a later version may bring: a renamed key, a new file, a line in a stage."""
    for name in clones.call(template, "git", "grep", "-l", "focal_gamma").split():
        path = template / name
        path.write_text(path.read_text().replace("focal_gamma", "focal_power"))
    renamed = template / "src" / "mlops" / "config" / "renamed.py"
    text = renamed.read_text()
    assert "str] = {" in text
    entry = '"training.focal_gamma": "focal_power", '
    renamed.write_text(text.replace("str] = {", f"str] = {{{entry}"))
    train = template / "src" / "ml" / "train.py"
    train.write_text(train.read_text().replace('"""', '"""New in the template. ', 1))
    (template / "docs" / "news.md").write_text("# News\n")
    committed(template, "The next release")
    clones.call(template, "git", "tag", "v1000.0.0")
    return "v1000.0.0"
