"""A Python that has its libraries loaded, for clones whose commands start longer than they run.

A training is five processes, three of which load torch, transformers and MLflow for four seconds
each. In a clone that is lent the programs below, `python -m ...`, `dvc` and `ml` are forks of one
process that has loaded them: the clone's code, its variables, folder, files and exit code.
Tests of what a process is (how it starts, on a terminal, killed) take a clone without.
"""

import array
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

# What the stages, DVC and MLflow load; nothing of the project, which is each clone's own.
HEAVY = [
    "torch.onnx", "transformers.exporters", "transformers.trainer", "transformers.generation.utils",
    "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto", "onnx",
    "onnxruntime", "sklearn.linear_model", "sklearn.feature_extraction.text", "scipy.optimize",
    "scipy.stats", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "polars", "pandas",
    "pandera.polars", "pyarrow.csv", "mlflow.store.tracking.sqlalchemy_store", "alembic.command",
    "mlflow.system_metrics.system_metrics_monitor", "opentelemetry.sdk.trace", "git", "networkx",
    "sqlalchemy.dialects.sqlite", "dvc.cli", "dvc.repo.reproduce", "dvc.repo.experiments",
    "ruamel.yaml", "scmrepo.git", "hydra._internal.config_loader_impl",
]  # fmt: skip
PROGRAMS = ("python", "dvc", "ml")
CLIENT = Path(__file__).with_name("warm_client.py")


@functools.cache
def server() -> tuple[str, "subprocess.Popen[bytes]"]:
    """Start the process; it ends with this one, whose end of a pipe is then closed."""
    folder = tempfile.mkdtemp(prefix="warm-")
    command = [sys.executable, __file__, folder]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    assert process.stdout
    assert process.stdout.readline() == b"listening\n"
    return f"{folder}/socket", process


def lend(venv: Path, lender: Path) -> None:
    """Make an environment of another one's programs, of which those of Python are warm."""
    (venv / "bin").mkdir(parents=True)
    for path in (*lender.iterdir(), *(lender / "bin").iterdir()):
        if path.name not in ("bin", "activate", *PROGRAMS):
            (venv / path.relative_to(lender)).symlink_to(path)
    activate = (lender / "bin" / "activate").read_text()
    (venv / "bin" / "activate").write_text(activate.replace(str(lender), str(venv)))
    replace(venv, lender)


def replace(venv: Path, real: Path, *path: Path) -> None:
    """Put warm programs into an environment, of which `path` are folders to import from."""
    told = {"bin": str(real / "bin"), "socket": server()[0], "path": [str(part) for part in path]}
    (venv / "warm.json").write_text(json.dumps(told))
    # make looks in the second line for whose environment it is.
    first = f"#!{Path(sys.executable).resolve()} -IS\n# {venv}/bin/python\n"
    for name in PROGRAMS:
        program = venv / "bin" / name
        program.unlink(missing_ok=True)
        program.write_text(first + CLIENT.read_text())
        program.chmod(0o755)


@functools.cache
def python(lender: Path) -> str:
    """Return a warm Python of no clone."""
    venv = Path(server()[0]).with_name("venv")
    lend(venv, lender)
    return str(venv / "bin" / "python")


def serve(folder: str) -> None:
    """Load the libraries, then fork for each client until the starter is gone."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{folder}/socket")
    listening.listen(64)
    os.write(1, b"listening\n")
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()  # no fork has to copy what only a look for garbage would touch
    signal.signal(signal.SIGCHLD, reap)
    while sys.stdin not in select.select([sys.stdin, listening], [], [])[0]:
        client, _ = listening.accept()
        if not os.fork():
            listening.close()
            watch(client)
        client.close()
    shutil.rmtree(folder)


def reap(*_: object) -> None:
    """Let go of those that have watched to the end."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def watch(client: socket.socket) -> None:
    """Fork what was asked for; pass signals on to it, and its exit code back."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    passed = client.recvmsg(1, socket.CMSG_SPACE(12))[1]
    files = array.array("i", passed[0][2]).tolist()
    stream = client.makefile("rb", buffering=0)
    request = json.loads(stream.readline())
    worker = os.fork()
    if not worker:
        stream.close()
        client.close()
        become(request, files)
    for file in (*files, 0, 1, 2):
        os.close(file)
    ended = os.pidfd_open(worker)
    while ended not in select.select([ended, client.fileno()], [], [])[0]:
        line = stream.readline()
        os.kill(worker, int(line) if line else signal.SIGKILL)  # whoever asked was killed itself
    client.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
    os._exit(0)


def become(request: dict[str, Any], files: list[int]) -> None:
    """Be the process that was asked for: as Python starts a module or a program, and ends it."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    code = 1
    try:
        dress(request)
        code = run(request)
        threading._shutdown()  # type: ignore[attr-defined]
        importlib.import_module("atexit")._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    if code < 0:
        if -code != signal.SIGKILL:  # which has no other
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def dress(request: dict[str, Any]) -> None:
    """Take over folder, variables, path and streams."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    given = [*filter(None, os.environ.get("PYTHONPATH", "").split(":")), *request["path"]]
    sys.path[:] = [request["first"], *(str(Path(one).absolute()) for one in given), *sys.path[1:]]
    sys.argv, sys.executable = request["argv"], request["executable"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    stream = functools.partial(os.fdopen, closefd=False)
    sys.stdin, sys.stdout = stream(0), stream(1, "w", buffering=1 if os.isatty(1) else -1)
    sys.stderr = stream(2, "w", buffering=1, errors="backslashreplace")
    for name in ("random", "numpy.random"):
        importlib.import_module(name).seed()  # else all forks draw the same


def run(request: dict[str, Any]) -> int:
    """Run it; return its exit code, as Python would."""
    try:
        if request["module"]:
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(request["program"], run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        traceback.print_exc()
        return -signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
