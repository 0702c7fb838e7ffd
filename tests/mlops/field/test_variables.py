"""Values as people type them: they arrive as they are, and none of them runs."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from door import Project, warmed

pytestmark = pytest.mark.field

# Texts of the environment that stay as they are, whatever YAML, make or a shell think of them.
TEXTS = (
    "data/set #2/r.csv", "Issue #42 is lovely", "007", "12:30:00", "1_000", "0x10", "yes", "No",
    "~", ".inf", "2024-01-18", "{a: b}", "[a, b]", "a: b", "- a", "*star", "&anchor x", "!tag",
    "!!int 7", "%directive", "`tick`", "| bar", "> fold", "it''s", '"great" film', "'a' or 'b'",
    "I paid $9", "$(HOME)", "${HOME}", " lead", "trail ", "a\tb", "two\nlines", "\\", "#",
    "😀", "1.2.3", "C:\\new\\dir",
)  # fmt: skip
# What is a number, a truth value or null as a whole.
VALUES = {
    "FIELD_INT": ("training.epochs", "3", 3),
    "FIELD_FLOAT": ("training.learning_rate", "1e-4", 1e-4),
    "FIELD_NULL": ("model.revision", "null", None),
    "FIELD_QUOTED": ("data.text_column", '"7"', "7"),
}

SPOKEN = (
    "I paid $9 for $(echo hi) `x` \"q\" \\ 100% #1", "it's", "$$ $HOME ${HOME} $(HOME)",
    "a;b|c>d&e*?~",
    "é 日本 😀", "two\nlines", "trailing  ", "\\\\ \\n \\$",
)  # fmt: skip

# Of a variable that is expanded anywhere one of these leaves a file behind.
HOSTILE = (
    "$(shell touch pwned)",
    "`touch pwned`",
    "';touch pwned;'",
    '";touch pwned;"',
    ";touch pwned;#",
    "a\ntouch pwned\n",
)
VERBS = ("env-of", "exp-of", "predict", "validate")


@dataclass
class Service:
    """A service that keeps what it is asked."""

    port: int
    asked: list[bytes] = field(default_factory=list)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases."""
    return warmed(tmp_path_factory.mktemp("variables") / "project")


@pytest.fixture(name="composed", scope="module")
def _composed(home: Project) -> dict[str, dict[str, object]]:
    """What one composition makes of all variables at once."""
    sections: dict[str, dict[str, object]] = {
        "data": {"labels": [f"${{FIELD_{n}}}" for n in range(len(TEXTS))]}
    }
    for name, (key, _, _) in VALUES.items():
        section, _, last = key.partition(".")
        sections.setdefault(section, {})[last] = f"${{{name}}}"
    texts = {f"FIELD_{n}": text for n, text in enumerate(TEXTS)}
    return compose(home, sections, texts | {name: text for name, (_, text, _) in VALUES.items()})


def compose(
    home: Project, sections: dict[str, dict[str, object]], variables: dict[str, str]
) -> dict[str, dict[str, object]]:
    """Compose an experiment as a run does, and read what came out."""
    home.experiment("field", **sections)
    given = [f"{name}={value}" for name, value in variables.items()]
    answer = home.run("env", *given, "dvc", "repro", "compose", EXP="field")
    (home.folder / "conf" / "experiment" / "field.yaml").unlink()
    assert answer.code == 0, answer.output[-3000:]
    found: dict[str, dict[str, object]] = yaml.safe_load((home.folder / "params.yaml").read_text())
    return found


@pytest.mark.parametrize("number", range(len(TEXTS)), ids=[ascii(text) for text in TEXTS])
def test_a_text_stays_as_it_stands(number: int, composed: dict[str, dict[str, list[str]]]) -> None:
    """Through the environment and conf/ into params.yaml."""
    assert composed["data"]["labels"][number] == TEXTS[number]


@pytest.mark.parametrize("name", VALUES)
def test_a_number_is_one(name: str, composed: dict[str, dict[str, object]]) -> None:
    """Also a float and null; in quotes it is a text."""
    key, _, value = VALUES[name]
    section, _, last = key.partition(".")

    assert composed[section][last] == value


def test_a_default_stays_as_it_stands(home: Project) -> None:
    """In a file of conf/, behind `:-`."""
    plain = [text for text in TEXTS if not set(text) & set("{}\n\t\\'\"")]
    found = compose(home, {"data": {"labels": [f"${{NOT_SET:-{text}}}" for text in plain]}}, {})

    assert found["data"]["labels"] == plain


@pytest.fixture(name="service", scope="module")
def _service() -> Iterator[Service]:
    """Answers as the service does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = {"model": {"name": "m", "version": "1"}, "probabilities": {"a": 1.0}}
            body = json.dumps({**answer, "label": "a", "truncated": False, "tokens": 1}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        service = Service(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield service
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("text", SPOKEN, ids=ascii)
def test_predict_asks_for_the_text_that_was_typed(
    text: str, home: Project, service: Service
) -> None:
    """`make predict TEXT=...`: byte for byte, on the command line and from the environment."""
    answers = [
        home.run("make", "predict", f"TEXT={text}", f"PORT={service.port}"),
        home.run("make", "predict", f"PORT={service.port}", TEXT=text),
    ]

    assert [answer.code for answer in answers] == [0, 0], answers[0].output
    assert [json.loads(body)["text"] for body in service.asked[-2:]] == [text, text]


@pytest.mark.parametrize("door", ["command line", "environment"])
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_no_variable_runs(value: str, door: str, home: Project) -> None:
    """Each variable of make at once, in verbs that run to their end or to a sentence."""
    names = (home.folder / "Makefile").read_text().partition("VARIABLES := ")[2].split("\n")[0]
    given = {name: value for name in names.split() if name not in ("ACCELERATOR", "PYTHON")}
    given["PORT"] = "1"
    words = [f"{name}={text}" for name, text in given.items()]
    before, after = ([], words) if door == "command line" else (["env", *words], [])

    answers = [home.run(*before, "make", verb, *after) for verb in VERBS]

    assert not list(home.folder.glob("pwned*"))
    assert not [answer for answer in answers if "Traceback" in answer.output]


@pytest.mark.parametrize(
    "name", ["$(shell touch pwned)", "`touch pwned`", "a;touch pwned", "ünder"]
)
def test_the_file_of_an_experiment_is_no_program(name: str, home: Project) -> None:
    """As CI does: `exp-of` names the experiment, and the next verb takes it."""
    path = home.folder / "conf" / "experiment" / f"{name}.yaml"
    path.write_text("# @package _global_\ntraining:\n  epochs: 1\n")
    try:
        answer = home.shell('set -e\nEXP="$(make exp-of)"\nexport EXP\nmake -n train')
        taken = home.run("make", "validate", f"EXP={name}", "ENV=dev")
    finally:
        path.unlink()

    assert answer.code != 0
    assert "rename its file, with letters" in answer.output
    assert "ml train" not in answer.output
    assert taken.code != 0
    assert "rename its file, with letters" in taken.output
    assert not list(Path(home.folder).glob("pwned*"))
