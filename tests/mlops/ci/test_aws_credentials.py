"""Credentials of a long job: the prepare action, AWS's own SDK, and both servers on loopback."""

import datetime
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
import yaml
from botocore.session import Session

from common import ROOT
from mlops.ci import aws_credentials
from mlops.core.errors import HostError

ACTION = yaml.safe_load((ROOT / ".github" / "actions" / "prepare" / "action.yml").read_text())
ANSWER = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>key-{count}</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>{until}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


class Hosts(http.server.BaseHTTPRequestHandler):
    """GitHub, which gives identities, and AWS, which gives credentials for them."""

    asked: ClassVar[list[dict[str, list[str]]]] = []
    seconds: ClassVar[int] = 3600
    refuse: ClassVar[bool] = False

    def do_GET(self) -> None:
        """Give an identity, as GitHub does."""
        good = self.headers["Authorization"] == "bearer of-the-job"
        assert self.path == "/token?api-version=2&audience=sts.amazonaws.com"
        self.answer(200 if good else 401, json.dumps({"count": 9, "value": "an.identity"}))

    def do_POST(self) -> None:
        """Give credentials, as AWS does."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(parse_qs(body))
        if self.refuse:
            return self.answer(403, "<Error><Code>AccessDenied</Code></Error>")
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.seconds)
        text = ANSWER.format(count=len(self.asked), until=until.strftime("%Y-%m-%dT%H:%M:%SZ"))
        return self.answer(200, text)

    def answer(self, status: int, text: str) -> None:
        """Send it."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture(name="hosts")
def _hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hosts]]:
    """Both on one port, and the variables of a job that lead to them."""
    kind = type("Kind", (Hosts,), {"asked": []})
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        for name, value in {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
            "AWS_ENDPOINT_URL_STS": url,
            "AWS_ROLE": "arn:aws:iam::1:role/dev",
            "AWS_REGION": "eu-west-1",
        }.items():
            monkeypatch.setenv(name, value)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kind
        server.shutdown()


@pytest.fixture(name="prepared")
def _prepared(hosts: type[Hosts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Hosts]:
    """What the action's own step leaves to the steps behind it; the workspace has a blank."""
    workspace = tmp_path / "a workspace"
    workspace.symlink_to(ROOT)
    step = next(one for one in ACTION["runs"]["steps"] if one.get("name") == "AWS")
    variables = tmp_path / "variables"
    own = {
        "ROLE": "arn:aws:iam::1:role/dev", "REGION": "eu-west-1",
        "GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ENV": str(variables),
    }  # fmt: skip
    bash = [str(shutil.which("bash")), "-euo", "pipefail", "-c", step["run"]]
    subprocess.run(bash, env={**os.environ, **own}, check=True)
    for line in variables.read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    return hosts


def test_credentials_are_taken_again_before_they_end(prepared: type[Hosts]) -> None:
    """The SDK that DVC and MLflow use asks by itself; a job may take hours."""
    prepared.seconds = 300
    found = Session().get_credentials()
    keys = [found.get_frozen_credentials().access_key for _ in range(2)]

    assert keys == ["key-2", "key-3"]  # the first ones were about to end when they came
    assert prepared.asked[0]["RoleArn"] == ["arn:aws:iam::1:role/dev"]
    assert prepared.asked[0]["WebIdentityToken"] == ["an.identity"]


def test_good_credentials_are_kept(prepared: type[Hosts]) -> None:
    """Neither host is asked for each request."""
    found = Session().get_credentials()
    keys = {found.get_frozen_credentials().access_key for _ in range(3)}

    assert keys == {"key-1"}


def test_a_refusal_is_told(hosts: type[Hosts], monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS says, and where to look; a job without an identity says what it lacks."""
    hosts.refuse = True
    with pytest.raises(HostError, match=r"role/dev, answers 403: .*AccessDenied.*role's trust"):
        aws_credentials.main()
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_URL")
    with pytest.raises(HostError, match="id-token: write"):
        aws_credentials.main()


def test_no_job_holds_credentials_as_variables() -> None:
    """They would end after an hour, in the middle of a training."""
    for path in (ROOT / ".github").rglob("*.yml"):
        assert "configure-aws-credentials" not in path.read_text(), path
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in (ROOT / ".gitlab" / "prepare.sh").read_text()
