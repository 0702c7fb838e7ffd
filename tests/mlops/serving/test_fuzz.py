"""Whatever schemathesis makes of the service's own description is answered as described. Slow."""

import subprocess
from pathlib import Path

import pytest

import served

pytestmark = pytest.mark.slow
EXAMPLES = 150


def test_the_service_keeps_to_its_description(bento: served.Bento, tmp_path: Path) -> None:
    """Valid and invalid requests: no 500, statuses and answers as described."""
    with served.serve(bento, tmp_path) as server:
        command = [str(served.BIN / "schemathesis"), "run", f"{server.url}/docs.json"]
        options = ["--checks", "all", "--max-examples", str(EXAMPLES), "--seed", "1"]
        done = subprocess.run(
            [*command, *options, "--phases", "examples,coverage,fuzzing", "--no-color"],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

        assert done.returncode == 0, done.stdout[-8000:]
        assert server.predict({"text": "good"})[0] == 200
        assert server.metric("bentoml_service_request_total", http_response_code="500") == 0
