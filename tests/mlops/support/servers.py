"""The real servers of the platform on free ports, for the tests against them."""

import fcntl
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from common import ROOT
from local_platform import bucket, servers
from local_platform.servers import PORTS, Platform

DEV, QA = bucket.named("dev"), bucket.named("qa")
PROJECT = yaml.safe_load(bucket.PROJECT.read_text(encoding="utf-8"))["project"]["name"]


@contextmanager
def platform() -> Iterator[Platform]:
    """Give a platform in a folder of its own; what it started ends with the block."""
    programs = installed()
    # Not below pytest's own folder, which the user postgres may not enter.
    folder = Path(tempfile.mkdtemp(prefix="platform-"))
    found = Platform(folder, programs, free_ports())
    try:
        yield found
    finally:
        found.down(how=9)
        shutil.rmtree(folder)


def installed() -> Path:
    """Return the programs of the servers' own environment."""
    uv = str(Path(sys.executable).with_name("uv"))
    venv = ROOT / ".platform" / "venv"
    venv.parent.mkdir(exist_ok=True)
    with (venv.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suites run side by side
        return servers.programs(venv, ROOT / "requirements" / "platform.lock", uv)


def free_ports() -> dict[str, int]:
    """Return a free port for each server."""
    probes = [socket.socket() for _ in PORTS]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in zip(PORTS, probes, strict=True)}
    finally:
        for probe in probes:
            probe.close()


def client(variables: dict[str, str]) -> Any:
    """Return an S3 client that gives up at once."""
    return boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_DEFAULT_REGION"],
        config=Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30),
    )
