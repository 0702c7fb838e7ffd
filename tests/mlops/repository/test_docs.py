"""The commands of the documents, run as typed in a fresh clone. Slow: `make test-e2e`."""

import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from clones import call, environment, installed, warmed
from common import ROOT

pytestmark = pytest.mark.slow


def small(project: Path) -> None:
    """Shrink the default corpus and training of a clone: the commands stay as they are."""
    path = project / "conf" / "config.yaml"
    text = path.read_text().replace("synthetic_rows: 50000", "synthetic_rows: 6000")
    path.write_text(text.replace("epochs: 6", "epochs: 1"))
    call(project, "git", "commit", "--quiet", "--all", "--message", "small")


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "docs/guide.md",
        "docs/help.md",
        pytest.param("docs/lineage.md", marks=pytest.mark.nightly),
    ],
)
def test_the_commands_of_a_document_work(document: str, tmp_path: Path) -> None:
    """Block after block, in one folder, with a remote to push to; the README's as a newcomer."""
    lend = installed if document == "README.md" else warmed
    project = lend(tmp_path / "project")
    small(project)
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    call(project, "git", "remote", "set-url", "origin", str(remote))
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / document).read_text(), re.S)

    assert blocks
    for block in blocks:
        call(project, "bash", "-euo", "pipefail", "-c", block, SET="")


def test_examples_of_configuration_validate(tmp_path: Path) -> None:
    """Each YAML block of the documents is an experiment that the schema takes."""
    project = warmed(tmp_path / "project")
    for number, split in enumerate(("train", "val", "test")):  # which the validation looks into
        (project / "data" / split).mkdir(parents=True)
        rows = [f"film {number} {n} is {'fine' if n % 2 else 'dull'},{n % 2}" for n in range(400)]
        (project / "data" / split / "rows.csv").write_text("\n".join(["text,label", *rows, ""]))
    for document in ("docs/guide.md",):
        text = (project / document).read_text()
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, re.S)):
            name = f"{Path(document).stem.lower()}-{number}"
            (project / "conf" / "experiment" / f"{name}.yaml").write_text(block)

            call(project, "make", "validate", f"EXP={name}", DATA_PATH="data", SET="")


def test_the_page_of_mlflow_opens(tmp_path: Path) -> None:
    """`make ui` serves the environment's store on loopback."""
    project = installed(tmp_path / "project")
    call(
        project,
        "python",
        "-c",
        "from mlops.config import schema; from mlops.tracking import store; "
        "store.open_store(schema.load())",
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {**environment(project), "PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlops.tracking.ui"],
        cwd=project,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr
        for line in server.stderr:
            if "running on" in line:  # uvicorn tells "startup complete" before it listens
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            assert b"<title>MLflow</title>" in page.read()
    finally:
        server.terminate()
        server.wait()
