"""docs/change.md: its table names what is there, its recipes work as they stand in fresh clones."""

import csv
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from transformers import DistilBertConfig, DistilBertModel

import served
from clones import call, environment, installed
from commands_page import words_of_make
from common import ROOT
from ml.config import Params
from ml.model import tokenizer
from mlops.config import keys

TEXT = (ROOT / "docs" / "change.md").read_text()
ROWS = [line.strip("|").split("|") for line in re.findall(r"^\|.*\|$", TEXT, re.M)][2:]
HEADING = re.compile(r"^## (?P<title>.*): (?P<lines>\d+) lines in (?P<files>\d+) files?$", re.M)
SECTIONS = {part.partition(":")[0]: f"## {part}" for part in TEXT.split("\n## ")[1:]}
TEAMS = {
    "billing": "invoice is too high",
    "delivery": "parcel has not come",
    "technical": "screen stays black",
}
ASK = (
    "import sys; from pathlib import Path; from mlops.serving.engine import Engine; "
    "print(Engine(Path('models/serving')).predict(sys.argv[1:])[0].probabilities)"
)


def quoted(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)


def blocks(title: str, kind: str) -> list[str]:
    """Return the blocks of one kind in a recipe."""
    return re.findall(rf"```{kind}\n(.*?)```", SECTIONS[title], re.S)


def follow(title: str, project: Path) -> str:
    """Apply a recipe's diff and run its commands, both as they stand; return what was printed."""
    (patch,) = blocks(title, "diff")
    subprocess.run(["git", "apply", "-"], input=patch, cwd=project, text=True, check=True)
    (commands,) = blocks(title, "bash")
    return call(project, "bash", "-euo", "pipefail", "-c", commands, SET="")


def still_passes(project: Path) -> None:
    """Run the project's own checks and tests, as `docs/change.md` asks after each change."""
    call(project, "make", "check", "test")


def read(project: Path, report: str) -> Any:
    """Return one of the JSON files that the pipeline has written."""
    return json.loads((project / "reports" / report).read_text())


# Wishes that one file of src/ml or conf/ does not grant, and why.
ELSEWHERE = {
    "clean texts differently": "the service carries no polars; a test holds both to the same texts",
    "add an optimizer": "a misspelt name is refused when it is composed, before torch is loaded",
    "accept another request format": "OpenAPI reads the signature of the endpoint",
    "train on your own CI runners": "CI is set up on the page of the host",
    "add a stage": "DVC reads dvc.yaml alone",
    "add a command": "make reads the Makefile alone",
    "use another package": "pip reads pyproject.toml alone",
}


def test_each_row_opens_what_is_there() -> None:
    """A path of the repository, or a key of the configuration."""
    known = set(keys.paths(Params)) | {"training.custom_loss", "gate.scores", "formats()"}
    opened = [name for row in ROWS for name in quoted(row[1])]

    assert len(ROWS) >= 15
    assert [name for name in opened if name not in known and not (ROOT / name).exists()] == []
    assert [row[0] for row in ROWS if not quoted(row[1])] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip().replace(" ", "-"))
def test_a_wish_is_one_file(row: list[str]) -> None:
    """Of what a project owns: src/ml or conf/; a folder stands for a new file in it."""
    opened = [name for name in quoted(row[1]) if (ROOT / name).exists()]
    own = [name for name in opened if name.startswith(("src/ml/", "conf/"))]

    assert (len(opened), len(own)) == (1, 1) or row[0].strip() in ELSEWHERE


def test_each_row_runs_what_is_there() -> None:
    """A verb of the Makefile, or test files; other documents check that they are no others."""
    verbs = words_of_make("Makefile")
    commands = [command.split() for row in ROWS for command in quoted(row[2])]

    assert len(commands) >= len(ROWS)
    for command in commands:
        if command[0] == "make":
            assert command[1] in verbs
        else:
            assert command[:3] == ["python", "-m", "pytest"]
            assert [path for path in command[3:] if not (ROOT / path).exists()] == []


def test_the_text_names_files_that_are_there() -> None:
    """Those of the template, and those that a recipe makes."""
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.S)
    made = re.findall(r"^\+\+\+ b/(.*)$", TEXT, re.M)
    paths = [name for name in quoted(prose) if re.fullmatch(r"[\w./-]+/[\w.-]+\.\w+", name)]
    yours = {"data/tickets.csv"}

    assert [p for p in paths if not (ROOT / p).exists() and p not in {*made, *yours}] == []


def test_links_lead_to_recipes() -> None:
    """GitHub makes the anchors of the headings."""
    headings = [match[0].removeprefix("## ").lower() for match in HEADING.finditer(TEXT)]
    anchors = {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}

    assert len(anchors) == len(SECTIONS) == 5
    assert set(re.findall(r"\(#([^)]+)\)", TEXT)) == anchors


@pytest.mark.parametrize("title", SECTIONS)
def test_a_heading_counts_what_changes(title: str) -> None:
    """Lines added and removed, files touched; and that is not much."""
    told = HEADING.match(SECTIONS[title])
    (patch,) = blocks(title, "diff")
    files = re.findall(r"^\+\+\+ .*$", patch, re.M)
    lines = re.findall(r"^[+-](?!\+\+ |-- ).*$", patch, re.M)

    assert told
    assert (int(told["lines"]), int(told["files"])) == (len(lines), len(files))
    assert len(lines) <= 25
    assert len(files) <= 4


@pytest.mark.nightly
def test_another_dataset_with_three_classes(tmp_path: Path) -> None:
    """Metrics, card and answers have the classes of the file, in the order of the experiment."""
    project = installed(tmp_path / "project")
    (project / "data").mkdir()
    with (project / "data" / "tickets.csv").open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["message", "team"])
        write.writerows(
            [f"My {problem}, number {n}", team]
            for n in range(120)
            for team, problem in TEAMS.items()
        )

    follow("Another dataset with three classes", project)
    card = (project / "reports" / "model_card.md").read_text()
    answer = call(project, "python", "-c", ASK, "My screen stays black")

    assert list(read(project, "metrics.json")["per_class"]) == list(TEAMS)
    assert "one of 3 classes\n(billing, delivery, technical)" in card
    assert re.findall(r"'(\w+)': ", answer) == list(TEAMS)
    still_passes(project)


@pytest.mark.nightly
def test_another_hugging_face_model(tmp_path: Path) -> None:
    """The weights that are trained on are those of the folder; the hub's are pinned."""
    words = tokenizer.train(["a good film", "a bad film"] * 4, "bert", 320, 64)
    sizes = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 16}
    network = DistilBertModel(DistilBertConfig(vocab_size=len(words), **sizes))
    network.save_pretrained(tmp_path / "distilbert")
    words.save_pretrained(tmp_path / "distilbert")
    project = installed(tmp_path / "project")

    follow("Another Hugging Face model", project)
    trained = json.loads((project / "models" / "model" / "config.json").read_text())
    card = (project / "reports" / "model_card.md").read_text()

    assert trained["architectures"] == ["DistilBertForSequenceClassification"]
    assert trained["dim"] == 16
    assert "**Trained from** the pretrained model in the local folder `distilbert`" in card
    assert (project / "models" / "serving" / "cpu.onnx").exists()
    assert re.search(r"^\+revision: [0-9a-f]{40}$", TEXT, re.M)
    still_passes(project)


@pytest.mark.nightly
def test_a_network_of_your_own(tmp_path: Path) -> None:
    """It trains, is exported, answers, and can be loaded as its model card says."""
    project = installed(tmp_path / "project")

    follow("A network of your own", project)
    card = (project / "reports" / "model_card.md").read_text()
    how = re.search(r"```python\n(.*?)```", card, re.S)
    answer = call(project, "python", "-c", ASK, "the film is superb")

    assert "the class `conv` of this project" in card
    assert re.findall(r"'(\w+)': ", answer) == ["negative", "positive"]
    assert how
    kind = call(project, "python", "-c", f"{how[1]}\nprint(label, type(model.module).__name__)")
    assert re.search(r"^(negative|positive) Conv$", kind, re.M)
    still_passes(project)


@pytest.mark.nightly
def test_another_metric_held_by_the_gate(tmp_path: Path) -> None:
    """It is measured for the model and the baselines, told to the gate, and stops there."""
    project = installed(tmp_path / "project")

    printed = follow("Another metric, held by the gate", project)
    found = read(project, "metrics.json")
    checks = {check["criterion"]: check for check in read(project, "gate.json")["checks"]}

    assert -1 <= found["mcc"] < 0.6
    assert found["baselines"]["majority"]["mcc"] == 0
    assert checks["reported mcc"]["passed"]
    assert not checks["Matthews"]["passed"]
    assert "Matthews" in (project / "reports" / "model_card.md").read_text()
    assert re.search(r"rejected: .*Matthews: [\d.-]+, expected at least 0.6", printed)
    still_passes(project)


@pytest.mark.nightly
def test_another_request_format(tmp_path: Path) -> None:
    """The running service predicts it, describes it, and takes what it took before."""
    title = "Another request format"
    project = installed(tmp_path / "project")

    follow(title, project)
    port, log = served.free_port(), tmp_path / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["make", "serve", f"PORT={port}"],
            cwd=project, env=environment(project), stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
    server = served.Server(port, process, log)
    try:
        served.wait_for(lambda: served.answers(server), server)
        (curl,) = blocks(title, "sh")
        assert "http://127.0.0.1:3000" in curl
        here = curl.replace("http://127.0.0.1:3000", server.url)
        answer = json.loads(call(project, "bash", "-euc", here))
        both = server.predict({"text": "A superb film The plot is witty."})[1]
        status = server.predict({"title": "A superb film"})[0]
        described = server.get("/docs.json")["components"]["schemas"]
    finally:
        served.end(process)

    assert answer == both
    assert status == 400
    assert described["Article"]["required"] == ["title", "body"]
    still_passes(project)
