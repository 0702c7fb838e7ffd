"""A first own file, as it comes: `make experiment`, and then each next line, as printed."""

# ruff: noqa: E501

import re
from pathlib import Path

import pytest

from data_cases import csv
from door import Answer, Project, warmed

pytestmark = pytest.mark.field

# By the name of the file: what is in it, and what is said of it.
FILES: dict[str, tuple[bytes, str]] = {
    "excel-de.csv": (csv(300, ";").replace("a film", "größer").encode("cp1252"), "read as WINDOWS-1252, for example 'größer'"),
    "unicode-text.csv": (csv(300, "\t").encode("utf-16"), "read as UTF-16"),
    "tabs.tsv": (csv(300, "\t").encode(), "delimiter tab"),
    "stars.csv": (csv(300, labels="1 2 3 4 5").encode(), "1 60, 2 60, 3 60, 4 60, 5 60"),
    "newline.csv": (csv(300).replace("a film", '"a\nfilm').replace(",neg", '",neg').replace(",pos", '",pos').encode(), "300 rows"),
    "some-empty.csv": ((csv(300) + "a film without a label,\n").encode(), "dropped 1 with no text or no label"),
    "few.csv": (csv(80).encode(), "warning: the smallest split has"),
    "rare.csv": ((csv(300) + "".join(f"a rare film {n},odd\n" for n in range(2))).encode(), "odd 2"),
}  # fmt: skip


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all files."""
    return warmed(tmp_path_factory.mktemp("own") / "project")


def lines(answer: Answer) -> list[str]:
    """Return the commands that come next, as printed."""
    return re.findall(r"^(?:next:)? +(make .+)$", answer.output, re.M)


@pytest.mark.parametrize("name", FILES)
def test_each_next_line_works_as_printed(name: str, home: Project, tmp_path: Path) -> None:
    """Up to the training, which costs most: of the first file it runs, too."""
    content, said = FILES[name]
    (tmp_path / name).write_bytes(content)

    answer = home.run("make", "experiment", f"DATA={tmp_path / name}")

    assert answer.code == 0, answer.output
    assert said in answer.output
    exp = name.partition(".")[0]
    assert lines(answer) == [f"make validate EXP={exp}", f"make train EXP={exp}"]
    checked = home.shell(lines(answer)[0])
    assert checked.output.strip() == f"{exp} (dev, prod, qa): ok", checked.output
    if name == next(iter(FILES)):
        trained = home.shell(lines(answer)[1], timeout=600)
        assert trained.code == 0, trained.output[-3000:]
        assert f"experiment {exp} in dev" in trained.output


def test_a_second_experiment_of_that_name_is_refused(home: Project, tmp_path: Path) -> None:
    """In one sentence, without a change."""
    (tmp_path / "rows.csv").write_text(csv(300))

    answer = home.run("make", "experiment", f"DATA={tmp_path / 'rows.csv'}", "NAME=default")

    assert "error: conf/experiment/default.yaml exists; edit it" in answer.output
    assert home.run("git", "status", "--short", "conf/experiment/default.yaml").output == ""
