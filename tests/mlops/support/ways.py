"""A pipeline of the project's shape that takes milliseconds, run through our door or DVC's.

The rule of sharing is the same for it: a stage that always composes, values of it, code, data.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import clones
import servers
from clones import WHO
from common import ROOT
from local_platform.servers import Platform

PIPELINE = """
stages:
  compose:
    cmd: cp settings/$ENV params.yaml
    always_changed: true
    deps: [settings]
    outs: [{params.yaml: {cache: false, persist: true}}]
  prepare:
    cmd: sh code/prepare
    deps: [rows, code/prepare]
    params: [sample]
    outs: [prepared, data.json]
  train:
    cmd: sh code/train
    deps: [prepared, code/train]
    params: [rate]
    outs: [model, history.json]
  evaluate:
    cmd: sh code/evaluate
    deps: [prepared, model]
    params: [bins]
    outs: [report]
    metrics: [metrics.json]
"""
VALUE = '$(sed -n "s/^{0}: //p" params.yaml)'
CODE = {
    "prepare": f"""mkdir -p prepared
head -n {VALUE.format("sample")} rows > prepared/train
tail -n 1 rows > prepared/test
echo '{{"sample": '{VALUE.format("sample")}'}}' > data.json
""",
    "train": f"""mkdir -p model
{{ cat prepared/train; echo rate {VALUE.format("rate")}; }} > model/weights
echo tokenizer > model/tokenizer
echo '{{"rate": '{VALUE.format("rate")}'}}' > history.json
[ ! -e "$FAIL" ] || exit 1
[ -z "$TOUCH" ] || touch "$TOUCH"
""",
    "evaluate": f"""sum=$(cat model/weights prepared/test | cksum | cut -c1-3)
echo '{{"accuracy": '$sum'}}' > metrics.json
mkdir -p report
{{ cat metrics.json; echo bins {VALUE.format("bins")}; }} > report/page
""",
}
OUTPUTS = ("prepared", "data.json", "model", "history.json", "report", "metrics.json")


def write(folder: Path, name: str) -> None:
    """Make the project, with a remote of its own in the buckets of dev and qa."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    renamed(folder / "conf" / "project.yaml", name)
    for path, text in {
        "dvc.yaml": PIPELINE,
        "settings/dev": "sample: 2\nrate: 1\nbins: 5\n",
        "settings/qa": "sample: 4\nrate: 1\nbins: 5\n",
        "rows": "one\ntwo\nthree\nfour\nfive\n",
        ".gitignore": "/prepared\n/model\n",
        **{f"code/{stage}": text for stage, text in CODE.items()},
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for command in (("git", "init", "--quiet"), ("dvc", "init", "--quiet")):
        subprocess.run(command, cwd=folder, check=True)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc")
    renamed(folder / ".dvc" / "config", name)


def renamed(path: Path, name: str) -> None:
    """Give the project another name, so that its remote lies beside others."""
    path.write_text(path.read_text().replace(servers.PROJECT, name))


@dataclass(frozen=True)
class State:
    """What a run has left: exit code, output, files, lock and run-cache entries."""

    code: int
    output: str
    outputs: dict[str, str]
    lock: str
    local: frozenset[str]
    remote: frozenset[str]
    before: tuple[frozenset[str], frozenset[str]]

    @property
    def ran(self) -> list[str]:
        """Return the stages that ran, but for the one that always does."""
        return [name for name in clones.ran(self.output) if name != "compose"]


class Ways:
    """A process that has imported DVC and our door once, and forks for each run."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("ways_process.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, way: str, folder: Path, variables: Mapping[str, str], log: Path) -> int:
        """Run one way in a folder; return its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"way": way, "folder": str(folder), "variables": variables, "log": str(log)}
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        """End the process."""
        self._process.communicate()


@dataclass(frozen=True)
class Place:
    """A clone, the variables that it runs with, and where it shares."""

    folder: Path
    platform: Platform
    ways: "Ways"
    name: str

    def run(self, way: str, environment: str = "dev", **more: str) -> State:
        """Run one way in a process of its own."""
        log = self.folder / ".dvc" / "tmp" / "log"
        log.parent.mkdir(exist_ok=True)
        system = self.folder / ".dvc" / "tmp" / "system"
        system.mkdir(exist_ok=True)
        (system / "config").write_text(f"[core]\n    remote = {environment}\n")
        variables = {
            **self.platform.variables(environment), **WHO, "ENV": environment,
            "DVC_SITE_CACHE_DIR": str(self.folder / ".dvc" / "site"),
            "DVC_SYSTEM_CONFIG_DIR": str(system), **more,
        }  # fmt: skip
        before = self.entries(environment)
        code = self.ways.run(way, self.folder, variables, log)
        return State(
            code, log.read_text(), files(self.folder), lock(self.folder),
            *self.entries(environment), before,
        )  # fmt: skip

    def entries(self, environment: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the run-cache entries here and in the remote."""
        runs = self.folder / ".dvc" / "cache" / "runs"
        local = (str(p.relative_to(runs)) for p in runs.rglob("*") if p.is_file())
        shared = objects(self.platform, environment, f"{self.name}/dvc/runs/")
        return frozenset(local), frozenset(shared)


def files(folder: Path) -> dict[str, str]:
    """Return the outputs by name; they are small enough to be compared as they are."""
    found = [path for name in OUTPUTS for path in (folder / name, *(folder / name).glob("*"))]
    return {str(p.relative_to(folder)): p.read_text() for p in found if p.is_file()}


def lock(folder: Path) -> str:
    """Return the lock, without what cannot be equal: nothing yet."""
    with contextlib.suppress(FileNotFoundError):
        return (folder / "dvc.lock").read_text()
    return ""


def objects(platform: Platform, environment: str, prefix: str) -> list[str]:
    """Return what the bucket of an environment holds below a prefix."""
    client = servers.client(platform.variables(environment))
    bucket = servers.DEV if environment == "dev" else servers.QA
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [
        found["Key"].removeprefix(prefix) for page in pages for found in page.get("Contents", [])
    ]
