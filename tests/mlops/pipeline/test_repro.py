"""Rules of mlops.pipeline.repro and mlops.pipeline.train, in small projects of real DVC."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import clones
from common import ROOT

PIPELINE = """\
stages:
  copy:
    cmd: cp in.txt copied.txt
    deps: [in.txt]
    outs: [copied.txt]
  count:
    cmd: wc -c < copied.txt > count.txt
    deps: [copied.txt]
    outs: [count.txt]
"""
# What DVC says and `make train` does not.
ADVICE = ("git add dvc.lock", "auto staging", "dvc push", "Updating lock", "failed to reproduce")
RUN = [
    sys.executable, "-c",
    "from mlops.pipeline import train; from mlops.core.errors import run; run(train.reproduce)",
]  # fmt: skip


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    """A repository with two stages that have not run."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "in.txt").write_text("four")
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, check=True)
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc")
    return folder


def started(project: Path, *command: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the stages of a project, as a terminal does: in a process group of their own."""
    plain = {name: value for name, value in os.environ.items() if name not in ("V", "MLOPS_STAGE")}
    return subprocess.Popen(
        command or RUN, cwd=project, env={**plain, "PYTHONPATH": str(ROOT / "src"), **variables},
        start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def done(project: Path, *command: str, **variables: str) -> tuple[int, str]:
    """Run the stages of a project; return the exit code and what was shown."""
    process = started(project, *command, **variables)
    shown, _ = process.communicate()
    return process.returncode, re.sub(r"\d+\.\d s", "N s", shown)


def test_each_stage_has_a_line_that_says_what_became_of_it(project: Path) -> None:
    """It ran, nothing of it changed, or it came out of the cache; nothing else is said."""
    first, again = done(project), done(project)
    (project / "in.txt").write_text("other")
    changed = done(project)
    (project / "in.txt").write_text("four")
    back = done(project)

    ran = "copy      running\ncopy      done in N s\ncount     running\ncount     done in N s\n"
    assert first == (0, ran)
    assert again == (0, "copy      unchanged\ncount     unchanged\n")
    assert changed == (0, ran)
    cached = "restored from the cache in N s\n"
    assert back == (0, f"copy      {cached}count     {cached}")


def test_it_leaves_what_dvc_leaves(project: Path, tmp_path: Path) -> None:
    """The lock byte for byte, and nothing to do for either; V=1 shows all that DVC says."""
    other = Path(shutil.copytree(project, tmp_path / "other"))

    assert done(project)[0] == 0
    code, shown = done(other, V="1")

    assert code == 0
    assert "Running stage 'copy':\n> cp in.txt copied.txt" in shown
    assert "To track the changes with git" in shown
    assert (project / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes()
    assert "Data and pipelines are up to date" in done(project, "dvc", "repro")[1]
    assert done(other)[1] == "copy      unchanged\ncount     unchanged\n"


def stage(command: str) -> str:
    """Return a pipeline of one stage."""
    return f"stages:\n  own:\n    cmd: {command}\n"


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (stage("echo hello && exit 7"), r"error: own failed with exit code 7 \(above\); fix it"),
        (stage("kill -9 $$"), r"error: own was killed, as the system does when memory is short"),
        ("stages: [", r"error: .*'dvc\.yaml', YAML file structure is corrupted.*V=1"),
        ("stages:\n  own:\n    cmdd: x\n", r"error: .*extra keys not allowed.*cmdd.*V=1"),
        (f"{stage('echo')}    deps: [gone.csv]\n", r"error: .*'gone\.csv' does not exist.*V=1"),
        (f"{stage('echo')}    outs: [gone.csv]\n", r"error: .*output 'gone\.csv' does not exist"),
        (
            stage(f"{sys.executable} -m mlops.pipeline.validate nothing"),
            "error: EXP: unknown experiment 'nothing'; expected one of",
        ),
    ],
    ids=["exit code", "killed", "no yaml", "a key", "an input", "an output", "a known error"],
)
def test_an_error_is_one_line_and_the_last(project: Path, pipeline: str, said: str) -> None:
    """Of a stage that has told why, nothing more; of one that has not, and of DVC, what to do."""
    (project / "dvc.yaml").write_text(pipeline)
    shutil.copytree(ROOT / "conf", project / "conf")
    code, shown = done(project)

    assert code == 1
    assert re.match(said, shown.splitlines()[-1]), shown
    assert shown.count("error:") == 1
    assert "Traceback" not in shown
    assert not [advice for advice in ADVICE if advice in shown]


def test_a_folder_without_dvc_is_told(tmp_path: Path) -> None:
    """In DVC's words."""
    code, shown = done(tmp_path)

    assert (code, shown.count("\n")) == (1, 1)
    assert shown.startswith("error: you are not inside of a DVC repository")


@pytest.mark.parametrize(
    ("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["Ctrl+C", "kill"]
)
def test_an_interrupted_stage_is_one_line(project: Path, number: int, group: bool) -> None:
    """A terminal tells all processes; a polite kill of ours is passed on, and nothing stays."""
    (project / "dvc.yaml").write_text(stage("echo $$ > pid && echo ready && exec sleep 600"))
    running = started(project)
    assert running.stdout
    while running.stdout.readline() != "ready\n":
        assert running.poll() is None
    (os.killpg if group else os.kill)(running.pid, number)
    shown, _ = running.communicate()

    assert running.returncode == 130
    assert shown == "own was interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int((project / "pid").read_text()), 0)


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_and_the_same_command_again(tmp_path: Path) -> None:
    """Typed in a clone, on a real terminal: stopped in training, it goes on to the same bytes."""
    project = clones.installed(tmp_path / "project")
    whole = clones.warmed(tmp_path / "whole")

    code, shown = terminal(project, "epoch 1/2")
    again = terminal(project, "")
    clones.call(whole, "make", "train")

    said = r"\nstopped at step (\d+) of \d+; the same command goes on\r\n"
    stopped = re.search(said, shown)
    assert code != 0
    assert stopped, shown
    assert re.search(r"\*\*\* .*(Error 130|Interrupt)", shown)  # before or after ours
    assert "Traceback" not in shown
    assert "\033[32mdone in" in shown
    assert f"resuming at step {stopped[1]} of" in again[1]
    assert again[0] == 0
    assert not [advice for advice in (*ADVICE, "Collecting") if advice in shown + again[1]]
    one, other = (clone / "models/model/model.safetensors" for clone in (project, whole))
    assert one.read_bytes() == other.read_bytes()
    assert (project / "dvc.lock").read_bytes() == (whole / "dvc.lock").read_bytes()


def terminal(project: Path, interrupted_at: str) -> tuple[int, str]:
    """Type `make train` on a terminal, and Ctrl+C when it shows something."""
    pid, screen = os.forkpty()
    if not pid:
        os.chdir(project)
        os.execvpe("make", ["make", "train"], clones.environment(project) | {"TERM": "xterm"})
    shown = ""
    while True:
        try:
            shown += os.read(screen, 65536).decode("utf-8", "replace")
        except OSError:  # it has ended
            break
        if interrupted_at and interrupted_at in shown:
            interrupted_at = ""
            os.write(screen, b"\x03")
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown
