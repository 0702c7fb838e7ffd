"""The examples of docs/serving.md, run as they stand against the served Bento. Slow."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

import served
from common import ROOT

pytestmark = pytest.mark.slow
TEXT = (ROOT / "docs" / "serving.md").read_text()
CURL = [block for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) if block.startswith("curl")]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.S)
ANSWERS = re.findall(r"```json\n(.*?)```", TEXT, re.S)


def here(example: str, server: served.Server) -> str:
    """Return an example that asks this server."""
    assert "http://127.0.0.1:3000" in example
    return example.replace("http://127.0.0.1:3000", server.url)


def shape(value: Any) -> Any:
    """Return a JSON value with the types in place of texts and numbers."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize(("example", "answer"), list(zip(CURL, ANSWERS, strict=True)))
def test_curl_gets_what_the_document_shows(
    server: served.Server, example: str, answer: str
) -> None:
    """The same keys and types, by a shell."""
    done = subprocess.run(
        ["bash", "-euc", here(example, server)], text=True, capture_output=True, check=True
    )

    assert shape(json.loads(done.stdout)) == shape(json.loads(answer))


def test_the_python_example_runs(server: served.Server) -> None:
    """It prints a label, two results, and the error that it catches."""
    (example,) = PYTHON
    done = subprocess.run(
        [sys.executable, "-c", here(example, server)], text=True, capture_output=True, check=True
    )
    label, results, error = done.stdout.splitlines()

    assert label in ("positive", "negative")
    assert results.count("probabilities") == 2
    assert "empty_text" in error


def test_the_errors_are_those_of_the_document() -> None:
    """Each code that the service can give stands in the table or the text, and no other."""
    modules = (ROOT / "src" / "mlops" / "serving").glob("*.py")
    sources = "\n".join(path.read_text() for path in modules)
    given = set(re.findall(r'RequestError\(\s*\d+, "(\w+)"', sources)) - {"internal"}
    told = set(re.findall(r"`([a-z]+_[a-z_0-9]+|busy)`", TEXT.partition("## The Bento")[0]))

    assert given <= told
    keys = {"max_body_bytes", "queue_size", "http_proxy", "https_proxy", "no_proxy"}
    assert told - given <= keys
