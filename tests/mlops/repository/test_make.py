"""What is given to make is data: no value is ever expanded, by make or by the shell of a recipe."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from commands_page import words_of_make
from common import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
VERBS = words_of_make("Makefile", "template.mk")
VARIABLES = re.findall(r"\w+", re.findall(r"^VARIABLES := (.*)$", MAKEFILE, re.M)[0])
# Of these two make itself makes something: a folder's name, and a program that it starts.
OWN = {"ACCELERATOR": "cpu", "PYTHON": "python3"}
HOSTILE = (
    "$(shell touch pwned-{name})",
    "`touch pwned-{name}`",
    "';touch pwned-{name};'",
    '";touch pwned-{name};"',
    ";touch pwned-{name};#",
    "$(eval x := $(shell touch pwned-{name}))",
    "a\ntouch pwned-{name}\n",
)
ALL = " MARK ".join(HOSTILE)


def make(*words: str, folder: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run make in a folder with nothing of the caller's that could decide."""
    known = {*VARIABLES, "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH"}
    plain = {name: value for name, value in os.environ.items() if name not in known}
    return subprocess.run(
        ["make", *words],
        cwd=folder, env={**plain, **variables}, text=True, capture_output=True, check=False,
    )  # fmt: skip


def hostile(template: str = ALL) -> dict[str, str]:
    """Give each variable a value that would leave a file of its name behind."""
    return {name: template.format(name=name) for name in VARIABLES} | OWN


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder that looks installed, so that make has nothing to install."""
    (tmp_path / ".venv" / "ci").mkdir(parents=True)
    (tmp_path / ".venv" / "copier").mkdir()
    for name in ("Makefile", "template.mk", "conf", "requirements", "src", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("door", ["command line", "environment"])
def test_no_recipe_holds_a_value(verb: str, door: str, folder: Path) -> None:
    """`make -n` shows what the shell would be given: none of the values is in it, none has run."""
    values = hostile()
    words = [f"{name}={value}" for name, value in values.items()]

    shown = (
        make("-n", verb, *words, folder=folder)
        if door == "command line"
        else make("-n", verb, folder=folder, **values)
    )

    assert shown.returncode == 0, shown.stderr
    assert "MARK" not in shown.stdout
    assert "pwned" not in shown.stdout
    assert not list(folder.glob("pwned*"))


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("words", [["env-of"], ["trian"], ["env-of", "EPX=1"]])
def test_what_make_uses_itself_runs_nothing(
    name: str, value: str, words: list[str], folder: Path
) -> None:
    """An accelerator that is none, and a Python that is no program, end it."""
    value = value.format(name=name)
    told = [
        make(*words, f"{name}={value}", "BRANCH=qa", folder=folder),
        make(*words, folder=folder, **{name: value, "BRANCH": "qa"}),
    ]

    assert all(one.returncode for one in told)
    assert not list(folder.glob("pwned*"))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("verb", ["env-of", "exp-of", "branch-policy", "tell", "help"])
def test_a_verb_that_runs_runs_no_value(verb: str, value: str, folder: Path) -> None:
    """Verbs that need nothing installed, with each variable hostile at once."""
    values = hostile(value) | {"WHAT": "failure"}
    make(verb, *(f"{name}={value}" for name, value in values.items()), folder=folder)
    make(verb, folder=folder, **values)

    assert not list(folder.glob("pwned*"))


@pytest.mark.parametrize("word", ["FOO_BAR=$(shell touch pwned)", "A#_B=1", "x';touch pwned;'"])
def test_a_word_that_make_does_not_know_runs_nothing(word: str, folder: Path) -> None:
    """A program's variable is data as well, and an odd name is refused."""
    make("help", word, folder=folder)
    make("env-of", "BRANCH=qa", word, folder=folder)

    assert not list(folder.glob("pwned*"))


@pytest.mark.parametrize(
    "value",
    [
        'I paid $9 for $(echo hi) `x` "q" \\ 100% #1 it\'s',
        "$$",
        "a $(HOME) ${HOME} $HOME",
        "\\",
        "#",
    ],
)
@pytest.mark.parametrize("name", ["BRANCH", "FOO_BAR"])
def test_a_value_arrives_byte_for_byte(name: str, value: str, folder: Path) -> None:
    """On the command line as in the environment."""
    (folder / "show.mk").write_text(f"include Makefile\nshow-value:\n\t@printf '%s' \"$${name}\"\n")
    plain = {"PATH": os.environ["PATH"]}
    typed = ["make", "-f", "show.mk", "show-value"]
    given = subprocess.run(
        [*typed, f"{name}={value}"], cwd=folder, env=plain, capture_output=True, check=True
    )
    set_before = subprocess.run(
        typed, cwd=folder, env={**plain, name: value}, capture_output=True, check=True
    )

    assert given.stdout.decode() == set_before.stdout.decode() == value


@pytest.mark.parametrize(
    ("words", "variables", "shown"),
    [
        ([], {}, "dev|default"),
        (["ENV=qa", "EXP=a"], {}, "qa|a"),
        ([], {"ENV": "qa", "EXP": "a"}, "qa|a"),
    ],
)
def test_defaults_stand_where_nothing_was_given(
    words: list[str], variables: dict[str, str], shown: str, folder: Path
) -> None:
    """The command line before the environment before the default."""
    (folder / "show.mk").write_text('include Makefile\nshow-value:\n\t@printf %s "$$ENV|$$EXP"\n')
    done = subprocess.run(
        ["make", "-f", "show.mk", "show-value", *words],
        cwd=folder, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, check=True,
    )  # fmt: skip

    assert done.stdout.decode() == shown


@pytest.mark.parametrize("verb", ["validate", "migrate", "resolve", "review", "exp-of"])
@pytest.mark.parametrize(("words", "shown"), [([], "."), (["EXP=a"], "a.")])
def test_some_verbs_know_whether_an_experiment_was_asked_for(
    verb: str, words: list[str], shown: str, folder: Path
) -> None:
    """They get no default."""
    (folder / "show.mk").write_text(
        f'include Makefile\n{verb}: show-value\nshow-value:\n\t@printf %s. "$$EXP"\n'
    )
    done = subprocess.run(
        ["make", "-s", "-f", "show.mk", "INSTALLED=show-value", "PYTHON=true", verb, *words],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout.startswith(shown)


@pytest.mark.parametrize("name", ["a $(touch pwned) b", "it's", "a`touch pwned`", "#1; é", '"q"'])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path) -> None:
    """Its name is on PATH, and is no program either."""
    folder = tmp_path / name
    folder.mkdir()
    for part in ("conf", "requirements", "src", "pyproject.toml", "Makefile"):
        (folder / part).symlink_to(ROOT / part)
    done = subprocess.run(
        ["make", "doctor"],
        cwd=folder, env={"PATH": os.environ["PATH"]}, text=True, capture_output=True, check=False,
    )  # fmt: skip

    assert "not installed" in done.stdout, done.stderr
    assert not [*folder.glob("pwned*"), *tmp_path.glob("pwned*")]


def test_a_colon_is_told(tmp_path: Path) -> None:
    """PATH cannot hold such a folder."""
    folder = tmp_path / "a:b"
    folder.mkdir()
    done = make("help", "-f", str(ROOT / "Makefile"), folder=folder)

    assert done.returncode == 2
    assert "a:b has a colon in its name" in done.stderr


def test_pythons_settings_do_not_reach_a_verb(folder: Path) -> None:
    """What strips docstrings and assertions, or ends at a prompt; the code is the folder's."""
    (folder / "show.mk").write_text("include Makefile\nshow-value:\n\t@env | grep ^PYTHON | sort\n")
    done = subprocess.run(
        ["make", "-f", "show.mk", "show-value"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"], "PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1",
            "PYTHONWARNINGS": "error", "PYTHONPATH": "/elsewhere",
        },
        text=True, capture_output=True, check=True,
    )  # fmt: skip

    assert done.stdout == f"PYTHON=python3\nPYTHONPATH={folder.resolve()}/src\n"


OLD_MAKE = r"GNU make 4\.2 or newer is needed, this is {}\. On macOS: brew install make, then"


@pytest.mark.parametrize("version", ["3.80", "3.81", "3.82", "4.0", "4.1", "4.1.90"])
def test_an_old_make_is_named_before_anything_runs(version: str, folder: Path) -> None:
    """As macOS brings one, which stumbles over the rest."""
    done = make("help", f"MAKE_VERSION={version}", folder=folder)

    assert done.returncode == 2
    assert re.search(OLD_MAKE.format(re.escape(version)), done.stderr)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("version", ["4.2", "4.2.1", "4.3", "4.4.1", "4.10", "5.0"])
def test_a_make_that_is_new_enough_works(version: str, folder: Path) -> None:
    """Up to the next one."""
    assert make("help", f"MAKE_VERSION={version}", folder=folder).returncode == 0


def test_windows_is_sent_to_wsl(folder: Path) -> None:
    """Which is Linux, and does not say that it is Windows."""
    done = make("help", folder=folder, OS="Windows_NT")

    assert done.returncode == 2
    assert "Windows is supported through WSL 2" in done.stderr


def test_old_makes_can_read_what_refuses_them() -> None:
    """The first statements are the two conditions, of words that make 3.80 has."""
    first = [line for line in MAKEFILE.splitlines() if line and not line.startswith("#")]
    words = {word for line in first[:6] for word in re.findall(r"\$\((\w+)[ ,)]|^(\w+)", line)}

    assert [line.split()[0] for line in first[:6]] == ["ifneq", "$(error", "endif", "ifeq",
                                                       "$(error", "endif"]  # fmt: skip
    assert {one or other for one, other in words} <= {
        "ifneq", "ifeq", "endif", "filter", "error", "MAKE_VERSION", "OS",
    }  # fmt: skip


@pytest.mark.parametrize(("code", "told"), [(0, True), (7, False)])
def test_a_long_installation_shows_signs_of_life_in_a_log(
    folder: Path, tmp_path: Path, code: int, told: bool
) -> None:
    """A line now and then, and its exit code is make's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text(
        f'#!/bin/sh\n[ "$2" = sync ] || exit 0\nuntil [ -e go ]; do sleep 0.05; done; exit {code}\n'
    )
    uv.chmod(0o755)
    (folder / ".venv" / "bin").mkdir()
    (folder / ".venv" / "bin" / "python").symlink_to("/usr/bin/env")
    (folder / "Makefile").unlink()
    (folder / "Makefile").write_text(MAKEFILE.replace("BEAT := 30", "BEAT := 0"))
    with subprocess.Popen(
        ["make", "install"],
        cwd=folder, env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as done:  # fmt: skip
        assert done.stdout
        lines = iter(done.stdout.readline, "")
        heard = next((line for line in lines if "still installing" in line), "")
        (folder / "go").touch()
        rest = done.stdout.read()

    assert heard
    assert ("installed in" in rest) is told
    assert (f"Error {code}" in rest) is not told
