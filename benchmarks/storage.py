"""What does sharing cost, beside plain DVC and a raw copy, on a real S3 server on this machine?

Run: python benchmarks/storage.py [--quick] [--only transfer]
Writes: benchmarks/storage.md; with --only just those sections of it, with --quick nothing
"""

import argparse
import hashlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import results
from commands import environment, run
from first_run import clone
from settings import ROOT, SMALL, Settings, chosen, shared
from table import Section

from local_platform import servers
from local_platform.servers import PORTS, Platform

RESULTS = ROOT / "benchmarks" / "storage.md"
TITLES = ("Push and pull of 1 GB", "No-op", "Run-cache of 200 entries")
HEADER = (
    "# Storage benchmarks\n\nWritten by `make bench-storage` (`python benchmarks/storage.py`).\n"
)
BUCKET = "mlops-dev"
FILES = 4
ENTRIES = 200
RAW = "raw/"


class Bench:
    """A clone that has trained once, and the S3 server that it shares with."""

    def __init__(self, settings: Settings, platform: Platform) -> None:
        self.quick = settings.quick
        self.project = settings.work / "clone"
        clone(settings, self.project)
        found = platform.variables("dev")
        own = {name: value for name, value in found.items() if name.startswith("AWS_")}
        self.variables = environment(ENV="dev", SET=SMALL, **own)
        run(["make", "train"], self.project, self.variables)
        self.client = boto3.client(
            "s3",
            endpoint_url=found["AWS_ENDPOINT_URL"],
            aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
            region_name=found["AWS_DEFAULT_REGION"],
        )
        binaries = self.project / ".venv" / "bin"
        self.plain = {**self.variables, "PATH": f"{binaries}:{self.variables['PATH']}"}
        default = settings.work / "default"
        default.mkdir()
        (default / "config").write_text("[core]\n    remote = dev\n", encoding="utf-8")
        self.plain["DVC_SYSTEM_CONFIG_DIR"] = str(default)

    def timed(self, *command: str) -> float:
        """Run a command as a user does; return its seconds."""
        variables = self.plain if command[0] == "dvc" else self.variables
        return run(command, self.project, variables).wall

    def empty(self) -> None:
        """Remove all objects of the bucket."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for entry in page.get("Contents", []):
                self.client.delete_object(Bucket=BUCKET, Key=entry["Key"])

    def forget(self) -> None:
        """Remove what a pull brings."""
        for name in (".dvc/cache", ".dvc/tmp", "big", "models"):
            shutil.rmtree(self.project / name, ignore_errors=True)


class Raw:
    """boto3's own transfer of the same files, one after the other."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self._client = bench.client
        self._folder = folder
        self._names = sorted(path.name for path in folder.iterdir())

    def push(self) -> float:
        """Upload; return the seconds."""
        start = time.monotonic()
        for name in self._names:
            self._client.upload_file(str(self._folder / name), BUCKET, f"{RAW}{name}")
        return time.monotonic() - start

    def pull(self) -> float:
        """Download; return the seconds."""
        self._folder.mkdir()
        start = time.monotonic()
        for name in self._names:
            self._client.download_file(BUCKET, f"{RAW}{name}", str(self._folder / name))
        return time.monotonic() - start


def transfer(bench: Bench) -> Section:
    """Push and pull a gigabyte in each way, by turns."""
    size = (1 if bench.quick else 1000) * 10**6 // FILES
    big = bench.project / "big"
    big.mkdir()
    for number in range(FILES):
        (big / f"{number}.bin").write_bytes(os.urandom(size))
    bench.timed("dvc", "add", "--quiet", "big")
    raw = Raw(bench, big)
    ways: dict[str, tuple[Callable[[], float], Callable[[], float]]] = {
        f"`{tool} push`, `{tool} pull`": (
            partial(bench.timed, tool, "push"), partial(bench.timed, tool, "pull"),
        )
        for tool in ("make", "dvc")
    }  # fmt: skip
    ways["boto3, one file after the other"] = (raw.push, raw.pull)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(1 if bench.quick else 2):
        for name, (push, pull) in ways.items():
            bench.empty()
            pushed = push()
            bench.forget()
            seconds[name].append((pushed, pull()))
        bench.timed("dvc", "repro", "--quiet")  # boto3 has left nothing in the cache
        bench.timed("dvc", "add", "--quiet", "big")
    rows = []
    for name, found in seconds.items():
        push, pull = (median(times) for times in zip(*found, strict=True))
        rate = f"{FILES * size / 1e6 / push:.0f} / {FILES * size / 1e6 / pull:.0f}"
        rows.append((name, f"{push:.1f}", f"{pull:.1f}", rate))
    notes = [
        f"{FILES} files of {size / 1e6:.0f} MB and the outputs of the pipeline; Swift on the same "
        "machine takes its share of the cores; median of 2, by turns, cache and work tree empty "
        "before each pull.",
        "DVC hashes what it moves and keeps it twice, in cache and work tree; boto3 only copies. "
        "Ours is DVC, with every object that comes hashed before it gets into the cache.",
    ]
    return Section(TITLES[0], ("way", "push, s", "pull, s", "MB/s"), rows, notes)


def noop(bench: Bench) -> Section:
    """Time `make train` where nothing is to be done, with and without the remote."""
    commands: Mapping[str, tuple[str, ...]] = {
        "`make train`": ("make", "train"),
        "`make train SHARE=1`": ("make", "train", "SHARE=1"),
    }
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(3 if bench.quick else 6):
        for name, command in commands.items():
            wall = bench.timed(*command)
            if turn:  # the first shares
                walls[name].append(wall)
    rows = [
        (name, f"{median(times):.2f}", f"{min(times):.2f} to {max(times):.2f}")
        for name, times in walls.items()
    ]
    return Section(TITLES[1], ("command", "median, s", "range"), rows, ["By turns, all unchanged."])


def run_cache(bench: Bench) -> Section:
    """Share where 200 other runs have been shared, as DVC does it and as we do."""
    folder = bench.project / ".dvc" / "cache" / "runs"
    entry = next(path for path in sorted(folder.rglob("*")) if path.is_file()).read_bytes()
    for number in range(20 if bench.quick else ENTRIES):
        key = hashlib.sha256(str(number).encode()).hexdigest()
        path = folder / key[:2] / key / key
        path.parent.mkdir(parents=True)
        path.write_bytes(entry)
    pairs: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "push": (("make", "push"), ("dvc", "push", "--run-cache")),
        "restore what is unchanged": (
            ("make", "train", "SHARE=1"), ("dvc", "repro", "--pull"),
        ),
    }  # fmt: skip
    bench.timed("dvc", "push", "--run-cache")
    rows = []
    for what, (ours, theirs) in pairs.items():
        found = [(bench.timed(*ours), bench.timed(*theirs)) for _ in range(3)]
        mine, plain = (median(times) for times in zip(*found, strict=True))
        rows.append(
            (what, f"`{' '.join(ours)}`", f"{mine:.1f}", f"`{' '.join(theirs)}`", f"{plain:.1f}")
        )
    notes = [
        "Everything is shared already; median of 3, by turns. `make train SHARE=1` also pushes and "
        "prints the summary."
    ]
    return Section(TITLES[2], ("what", "ours", "s", "plain DVC", "s"), rows, notes)


ALL: dict[str, Callable[[Bench], Section]] = {
    "transfer": transfer,
    "noop": noop,
    "run_cache": run_cache,
}


def free_ports() -> dict[str, int]:
    """Return a free port for each server."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    found = {name: probe.getsockname()[1] for name, probe in zip(PORTS, probes, strict=True)}
    for probe in probes:
        probe.close()
    return found


def options() -> argparse.Namespace:
    """Read the command line."""
    words = shared()
    words.description = "Measure push, pull, no-op and run-cache on a real S3 server."
    words.add_argument("--only", action="append", choices=list(ALL), help="may be repeated")
    words.add_argument("--out", type=Path, default=RESULTS, help="file that gets the tables")
    words.set_defaults(cold=False, sst2=Path())
    return words.parse_args()


def main() -> None:
    """Measure what is asked for."""
    asked = options()
    venv = ROOT / ".platform" / "venv"
    venv.parent.mkdir(exist_ok=True)
    uv = str(ROOT / ".venv" / "bin" / "uv")
    programs = servers.programs(venv, ROOT / "requirements" / "platform.lock", uv)
    sections: dict[str, Any] = results.earlier(asked.out) if asked.only else {}
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        platform = Platform(Path(work) / "platform", programs, free_ports())
        try:
            platform.up("s3")
            bench = Bench(chosen(asked, Path(work)), platform)
            for name in asked.only or ALL:
                state = results.state(ROOT)
                sections |= results.printed([ALL[name](bench)], state)
        finally:
            platform.down()
    if not asked.quick:
        page = results.page(HEADER, ("dvc", "dvc-s3", "boto3"), TITLES, sections)
        asked.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
