"""Credentials in addresses: refused by key, and found in nothing that any command writes."""

import base64
import http.server
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clones import call
from door import Project, project

pytestmark = pytest.mark.field
SECRET = f"hunter2{secrets.token_hex(8)}"  # this file itself does not hold it


@dataclass(frozen=True)
class Case:
    """Sections of an experiment, variables and a command; the message must name the key."""

    name: str
    sections: Mapping[str, object]
    says: str
    variables: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ("dvc", "repro", "ingest")


def data(address: str) -> dict[str, object]:
    """Return a section with a source."""
    return {"data": {"train_path": address}}


CASES = (
    Case(
        "a password out of a variable",
        data("http://bob:${DATA_PASSWORD}@127.0.0.1:3510/reviews.csv"),
        "conf/experiment/field.yaml:3: data.train_path: expected no credentials",
        {"DATA_PASSWORD": SECRET},
    ),
    Case(
        "the same in a queue of DVC",
        data("http://bob:${DATA_PASSWORD}@127.0.0.1:3510/reviews.csv"),
        "DATA_PASSWORD holds a secret",
        {"DATA_PASSWORD": SECRET},
        ("dvc", "exp", "run", "ingest"),
    ),
    Case(
        "a whole address out of a variable, in dvc exp run",
        data("${SOURCE}"),
        "SOURCE holds a user or a password",
        {"SOURCE": f"http://bob:{SECRET}@127.0.0.1:3510/reviews.csv"},
        ("dvc", "exp", "run", "ingest"),
    ),
    Case(
        "oc.env",
        data("${oc.env:SOURCE}"),
        "SOURCE holds a user or a password",
        {"SOURCE": f"https://{SECRET}@example.com/reviews.csv"},
    ),
    Case(
        "a secret that is no address",
        {"mlflow": {"tags": {"owner": "${SOME_API_KEY}"}}},
        "SOME_API_KEY holds a secret",
        {"SOME_API_KEY": SECRET},
    ),
    Case(
        "a password with an @ and a slash",
        {},
        "SET: data.train_path: expected no credentials",
        {"SET": f"data.train_path=s3://AKIAXXX:{SECRET}/x@y@bucket/reviews.csv"},
    ),
    Case(
        "a signature",
        {},
        "the parameter X-Amz-Signature",
        {"SET": f"data.test_path='https://x.test/r.csv?X-Amz-Expires=60&X-Amz-Signature={SECRET}'"},
    ),
    Case(
        "a signature of Azure with a quoted name",
        {},
        "the parameter %73ig",
        {"SET": f"data.val_path='abfs://data@x.test/r.csv?sv=2024-01-01&%73ig={SECRET}'"},
    ),
    Case(
        "an address in an address",
        {},
        "data.train_path: expected no credentials",
        {"SET": f"data.train_path='zip://r.csv::https://bob:{SECRET}@x.test/r.zip'"},
    ),
    Case(
        "a dataset of the hub",
        {},
        "the parameter token",
        {"SET": f"data.train_path='hf:org/reviews?token={SECRET}'"},
    ),
    Case(
        "where runs are recorded",
        {},
        "mlflow.artifact_location: expected no credentials",
        {"SET": f"mlflow.artifact_location=s3://key:{SECRET}@bucket/x"},
    ),
    Case(
        "where outputs are shared",
        {},
        "storage.remote: expected no credentials",
        {"SET": f"storage.remote=s3://key:{SECRET}@bucket/x"},
        ("make", "validate", "EXP=field", "ENV=dev"),
    ),
    Case(
        "a wrong value that holds one",
        {},
        "deploy.image: expected no credentials",
        {"SET": f"deploy.image=https://bob:{SECRET}@registry.test/x"},
        ("make", "smoke"),
    ),
    Case(
        "a key that holds one",
        {"deploy": {"build_options": {f"http://bob:{SECRET}@x.test": "1"}}},
        "deploy.build_options: expected no credentials",
    ),
    Case(
        "an override of DVC",
        {},
        "data.train_path: expected no credentials",
        {},
        ("dvc", "exp", "run", "-S", f"data.train_path='http://bob:{SECRET}@x.test/r.csv'"),
    ),
)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One clone for all cases, whose origin has a token in its address."""
    home = project(tmp_path_factory.mktemp("secrets") / "project")
    away = f"https://x-access-token:{SECRET}@example.com/team/project.git"
    call(home.folder, "git", "remote", "set-url", "origin", away)
    return home


def written(folder: Path) -> list[Path]:
    """Return the files below a folder that hold the secret, those apart that a user wrote."""
    own = {folder / ".git" / "config", folder / "conf" / "experiment" / "field.yaml"}
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        path
        for path in files
        if ".venv" not in path.parts and path not in own and SECRET.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_credential_in_the_configuration(case: Case, home: Project) -> None:
    """It is refused with its place, and neither printed nor written anywhere."""
    home.experiment("field", **case.sections)

    given = {"EXP": "field", **case.variables}
    answer = home.run("env", *(f"{name}={value}" for name, value in given.items()), *case.command)

    assert answer.code, answer.output
    assert case.says in answer.output
    assert "Traceback" not in answer.output
    assert SECRET not in answer.output
    assert written(home.folder) == []


class Reviews(http.server.BaseHTTPRequestHandler):
    """Gives a file to whom it knows."""

    def do_HEAD(self) -> None:
        """Answer."""
        wanted = base64.b64encode(f"bob:{SECRET}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {wanted}"
        rows = [f"a {('bad', 'good')[n % 2]} film, {n},{n % 2}" for n in range(400)]
        body = "\n".join(["text,label", *(f'"{row[:-2]}",{row[-1]}' for row in rows), ""]).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body) if known else 0))
        self.send_header("ETag", '"one"')
        self.end_headers()
        if known and self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture(name="reviews")
def _reviews() -> Iterator[str]:
    """The address of a file behind a password."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Reviews) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/reviews.csv"
        server.shutdown()


def test_a_password_in_netrc_reads_the_data_and_stays_there(
    home: Project, reviews: str, tmp_path: Path
) -> None:
    """As docs/storage.md says; a whole run writes it nowhere, nor those of MLflow and Git."""
    home.experiment("field", **data(reviews), training={"epochs": 1})
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login bob password {SECRET}\n")

    answer = home.run(
        "make", "train",
        EXP="field",
        NETRC=str(tmp_path / "netrc"),
        FSSPEC_HTTP='{"client_kwargs": {"trust_env": true}}',
        MLFLOW_TRACKING_URI=f"http://bob:{SECRET}@127.0.0.1:3511",
        MLFLOW_OFFLINE="1",
        AWS_ENDPOINT_URL=f"http://bob:{SECRET}@127.0.0.1:3512",
    )  # fmt: skip

    assert answer.code == 0, answer.output[-3000:]
    assert SECRET not in answer.output
    assert written(home.folder) == []


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("make train", {"MLFLOW_TRACKING_URI": f"http://bob:{SECRET}@127.0.0.1:3511"}),
        ("make push", {"AWS_ENDPOINT_URL": f"http://bob:{SECRET}@127.0.0.1:3512"}),
        ("make predict TEXT=fine", {"SERVICE_URL": f"http://bob:{SECRET}@127.0.0.1:3513"}),
        ("make doctor", {"MLFLOW_TRACKING_URI": f"http://bob:{SECRET}@127.0.0.1:3511"}),
        ("make doctor SET=model=bert", {"HF_ENDPOINT": f"http://bob:{SECRET}@127.0.0.1:3514"}),
    ],
)
def test_a_password_in_a_variable_is_not_printed(
    home: Project, command: str, variables: dict[str, str]
) -> None:
    """Where the server is away, the message names its address without it."""
    given = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": SECRET, **variables}
    words = [f"{name}={value}" for name, value in given.items()]

    answer = home.run("env", *words, *command.split())

    assert answer.code, answer.output
    assert SECRET not in answer.output
    assert "Traceback" not in answer.output
    assert written(home.folder) == []
