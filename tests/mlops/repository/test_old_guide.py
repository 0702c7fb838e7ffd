"""The first workflow guide: each of its command lines works here, or ends with what to type."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import clones
from common import ROOT

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "docs" / "guide.md").read_text()
WORKS = ""
MOVE = r"Move it: `mv configs/{0}\.yaml conf/experiment/{0}\.yaml`, then use EXP={0}"
THERE_ALREADY = r"which has xlnet-classifier\.yaml already.* remove configs/xlnet-classifier\.yaml"
# In the order of the guide, after what it takes for granted.
LINES = (
    ("make branches", r"next: git push origin main dev qa"),
    ("git push origin main dev qa", WORKS),
    ("cd configs && cat default.yaml", WORKS),
    ("cd configs && cp default.yaml my-experiment.yaml", WORKS),
    ("git checkout -b feature/my-new-model", WORKS),
    ("git add configs/my-experiment.yaml", WORKS),
    ('git commit -m "Add BERT configuration for sentiment analysis"', WORKS),
    ("git push origin feature/my-new-model", WORKS),
    ("make exp-of", MOVE.format("my-experiment")),  # which CI asks after that push
    ("git checkout qa", WORKS),
    ("git pull origin qa", WORKS),
    ("git merge --no-ff feature/my-new-model", WORKS),
    ("git push origin qa", WORKS),
    ("git checkout main", WORKS),
    ("git pull origin main", WORKS),
    ("git merge --no-ff qa", WORKS),
    ('git tag -a v2.1 -m "Release BERT sentiment classifier v2.1"', WORKS),
    ("git push origin main", WORKS),
    ("git push origin v2.1", WORKS),
    ("git checkout dev", WORKS),
    ("git pull origin dev", WORKS),
    ("git checkout -b feature/xlnet-classifier", WORKS),
    ("cp configs/default.yaml configs/xlnet-classifier.yaml", WORKS),
    ("git add configs/xlnet-classifier.yaml", WORKS),
    ('git commit -m "XLNet classifier: batch=16, lr=0.0001, epochs=15"', WORKS),
    ("git push origin feature/xlnet-classifier", WORKS),
    ("git checkout qa && git pull origin qa", WORKS),
    ("git merge feature/xlnet-classifier", WORKS),
    ("git push origin qa", WORKS),
    ("git checkout main && git pull origin main", WORKS),
    ("git merge qa", WORKS),
    ('git tag -a v3.0 -m "XLNet classifier production release"', WORKS),
    ("git push origin main --tags", WORKS),
    ("python src/train.py --config configs/xlnet-classifier.yaml --test",
     THERE_ALREADY),
    ("""python -c "import yaml; yaml.safe_load(open('configs/xlnet-classifier.yaml'))\"""", WORKS),
    ("python scripts/validate_config.py configs/xlnet-classifier.yaml",
     THERE_ALREADY),
    ("make validate", MOVE.format("my-experiment")),
    ("git branch -v", WORKS),
    ("git branch -r", WORKS),
    ("git pull origin main", WORKS),
    ("cp configs/default.yaml configs/my-config.yaml", WORKS),
    ('grep -E "^(model|training|data|resources|evaluate):" configs/my-config.yaml', WORKS),
    ("python scripts/validate_config.py configs/my-config.yaml", MOVE.format("my-config")),
    ("git log --oneline main | head -5", WORKS),
    ("git checkout -b feature/my-model", WORKS),
    ("cp configs/default.yaml configs/my-model.yaml", WORKS),
    ("git add configs/my-model.yaml", WORKS),
    ('git commit -m "Add my-model configuration"', WORKS),
    ("git push origin feature/my-model", WORKS),
    # What the messages said.
    ("mv configs/my-model.yaml conf/experiment/my-model.yaml", WORKS),
    ("mv configs/my-experiment.yaml conf/experiment/my-experiment.yaml", WORKS),
    ("make validate EXP=my-model", WORKS),
    ("make validate EXP=conf/experiment/my-model.yaml", WORKS),
    ("python scripts/validate_config.py my-model", WORKS),
    ("rm configs/my-config.yaml configs/xlnet-classifier.yaml", WORKS),
    ("make exp-of", WORKS),
)  # fmt: skip
# What no file of this project can answer: the table alone does.
FOREIGN = ("python -m yaml", "kubectl")


@pytest.fixture(name="project", scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project with a remote that has nothing yet."""
    folder = tmp_path_factory.mktemp("guide")
    project = clones.warmed(folder / "project")
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder / "remote.git")], check=True)
    clones.call(project, "git", "remote", "set-url", "origin", str(folder / "remote.git"))
    clones.call(project, "git", "checkout", "--quiet", "-B", "main")
    clones.call(project, "git", "update-ref", "-d", "refs/remotes/origin/main")
    return project


def typed(project: Path, line: str) -> tuple[int, str]:
    """Type a line in the project's folder."""
    done = subprocess.run(
        ["bash", "-c", line], cwd=project, text=True, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**clones.environment(project), "GIT_EDITOR": "true"},
    )  # fmt: skip
    return done.returncode, done.stdout


def test_each_line_of_the_first_guide_works_or_says_what_to_type(project: Path) -> None:
    """One after the other, in one clone."""
    for line, expected in LINES:
        code, output = typed(project, line)

        assert code == 0 if expected == WORKS else re.search(expected, output), (line, output)
        assert "Traceback" not in output, line


def rows() -> list[tuple[str, str]]:
    """Return the commands of the guide's table, old and new."""
    table = GUIDE.partition("| there | here |")[2].partition("\n\n")[0]
    return [
        (old.replace("\\|", "|"), new.replace("\\|", "|"))
        for old, new in re.findall(r"^\| `(.+?)` \| `(.+?)`", table, re.M)
    ]


def test_each_row_of_the_table_is_true(project: Path) -> None:
    """The new command works; the old one works too, or ends with where the file goes."""
    found = rows()
    typed(project, "git checkout main; make branches; rm -f configs/mine.yaml")

    for old, new in found:
        code, output = typed(project, old)
        if old.startswith("cp "):  # and edits it
            typed(project, f"printf 'training:\n  epochs: 1\n' >> {old.split()[-1]}")
        there = re.search(MOVE.format("mine"), output)
        assert code == 0 or there or old.startswith(FOREIGN), (old, output)
        if there:
            assert "EXP=mine" in new
    for _, new in found[1:]:
        code, output = typed(project, new)
        assert code == 0 or new.startswith("make status"), (new, output)
        assert "Traceback" not in output


def test_the_table_has_what_the_guide_names() -> None:
    """Folder, script, module and cluster of the old guide each have a row."""
    old = " ".join(word for line, _ in rows() for word in shlex.split(line))

    for name in ("configs/", "src/train.py", "scripts/validate_config.py", *FOREIGN, "checkout"):
        assert name in old
