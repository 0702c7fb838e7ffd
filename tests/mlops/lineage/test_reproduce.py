"""Lineage and the way forward again, in a real clone: what was trained is rebuilt. Nightly.

For each change `docs/lineage.md` is run, which rebuilds one model (test_docs).
"""

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest

from clones import call, environment, installed

pytestmark = pytest.mark.nightly


@dataclass(frozen=True)
class Lab:
    """A project in which several runs were made, and their ids by name."""

    folder: Path
    runs: dict[str, str]

    def client(self) -> mlflow.MlflowClient:
        """Return a client of the project's own store."""
        return mlflow.MlflowClient(f"sqlite:///{self.folder}/.mlflow/dev/mlflow.db")


def train(project: Path, **variables: str) -> tuple[str, str]:
    """Run `make train`; return the run's id and what was printed."""
    output = call(project, "make", "train", **variables)
    found = re.findall(r"run     ([0-9a-f]{32})", output)
    assert found, output[-2000:]
    return found[0], output


def edit(path: Path, old: str, new: str) -> None:
    """Replace a part of a file that is there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def commit(project: Path, message: str) -> None:
    """Commit all that is there."""
    call(project, "git", "add", "-A")
    call(project, "git", "commit", "--quiet", "--message", message)


@pytest.fixture(name="lab", scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A clean run, a dirty one, one of a file; then code, values and file change once more."""
    project = installed(tmp_path_factory.mktemp("lab") / "project")
    runs = {"clean": train(project)[0]}
    commit(project, "first run")
    runs["file"] = _train_a_file(project)
    commit(project, "own data")

    module = project / "src" / "ml" / "data" / "cleaning.py"
    edit(module, 'normalize("NFC")', 'normalize("NFC").str.to_uppercase()')
    edit(project / "conf" / "config.yaml", "learning_rate: 0.001", "learning_rate: 0.002")
    (project / "conf" / "experiment" / "new.yaml").write_text("training:\n  seed: 5\n")
    (project / "secret.env").write_text("PASSWORD=hunter2\n")
    runs["dirty"], output = train(project, EXP="new")
    assert "WARNING: DIRTY: " in output
    assert "DIRTY" in output.splitlines()[-2]

    (project / "conf" / "experiment" / "new.yaml").write_text("training:\n  seed: 6\n")
    commit(project, "went on")
    call(project, "make", "train", EXP="new")
    return Lab(project, runs)


def _train_a_file(project: Path) -> str:
    words = {"good": ("fine", "great", "superb"), "bad": ("dull", "poor", "awful")}
    rows = [
        f"the film number {n} was {words[label][n % 3]},{label}"
        for n in range(300)
        for label in words
    ]
    (project / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (project / ".git" / "info" / "exclude").write_text("rows.csv\n")
    (project / "conf" / "experiment" / "file.yaml").write_text(
        "data:\n  train_path: rows.csv\nprepare:\n  sample: 1.0\nevaluate:\n  behaviour: []\n"
    )
    commit(project, "an experiment")
    return train(project, EXP="file", SET="training.epochs=1")[0]


def reproduce(lab: Lab, tmp: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make reproduce` with its temporary folders in `tmp`."""
    return subprocess.run(
        ["make", "reproduce", *(f"{name}={value}" for name, value in variables.items())],
        cwd=lab.folder,
        env={**environment(lab.folder), "TMPDIR": str(tmp)},
        text=True,
        check=False,
        capture_output=True,
    )


def state(lab: Lab) -> dict[str, object]:
    """Return what a rebuilding must leave alone: work tree, cache, runs."""
    ids = [experiment.experiment_id for experiment in lab.client().search_experiments()]
    return {
        "git": [
            line
            for line in call(lab.folder, "git", "status", "--porcelain", "--ignored").splitlines()
            if "__pycache__" not in line
        ],
        "worktrees": call(lab.folder, "git", "worktree", "list"),
        "branches": call(lab.folder, "git", "for-each-ref"),
        "lock": (lab.folder / "dvc.lock").read_text(),
        "cache": sorted(map(str, (lab.folder / ".dvc" / "cache").rglob("*"))),
        "records": sorted(path.name for path in (lab.folder / ".runs").iterdir()),
        "runs": sorted(run.info.run_id for run in lab.client().search_runs(ids)),
    }


def test_a_run_of_changed_code_comes_out_again_byte_for_byte(lab: Lab, tmp_path: Path) -> None:
    """After code and values went on; nothing of the rebuilding stays anywhere."""
    before = state(lab)

    done = reproduce(lab, tmp_path, RUN=lab.runs["dirty"])

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(re.findall(r"  equal$", done.stdout, re.M)) == 6
    assert "Running stage 'train'" in done.stdout
    assert state(lab) == before
    assert list(tmp_path.iterdir()) == []


def test_a_dirty_run_carries_its_changes_and_no_secret(lab: Lab) -> None:
    """Changed and new code stand in code.diff; what is no code, and what a run makes, do not."""
    tags = lab.client().get_run(lab.runs["dirty"]).data.tags
    folder = Path(lab.client().download_artifacts(lab.runs["dirty"], "code.diff"))
    patch = folder.read_text()

    assert tags["git.dirty"] == "yes"
    assert re.findall(r"^\+\+\+ b/(\S+)", patch, re.M) == [
        "conf/config.yaml", "conf/experiment/new.yaml", "src/ml/data/cleaning.py",
    ]  # fmt: skip
    assert "hunter2" not in patch


def test_a_run_carries_the_lock_of_the_whole_pipeline(lab: Lab) -> None:
    """Each run its own, with the hashes that its tags tell."""
    for run_id in lab.runs.values():
        text = Path(lab.client().download_artifacts(run_id, "dvc.lock")).read_text()
        tags = lab.client().get_run(run_id).data.tags

        assert "models/serving" in text
        for tag in ("data.raw.md5", "data.prepared.md5", "model.md5"):
            assert tags[tag] in text
        assert {"packages.sha256", "hardware.cpu", "who", "duration_s"} <= set(tags)


def test_a_changed_record_is_told(lab: Lab, tmp_path: Path) -> None:
    """A model hash that is not that of the bytes ends with exit code 1 and the part's name."""
    run_id, client = lab.runs["clean"], lab.client()
    right = client.get_run(run_id).data.tags["model.md5"]
    wrong = f"{'0' * 32}.dir"
    text = Path(client.download_artifacts(run_id, "dvc.lock")).read_text()
    client.set_tag(run_id, "model.md5", wrong)
    client.log_text(run_id, text.replace(right, wrong), "dvc.lock")
    done = reproduce(lab, tmp_path, RUN=run_id)
    client.set_tag(run_id, "model.md5", right)
    client.log_text(run_id, text, "dvc.lock")

    assert done.returncode != 0
    assert "models/model is the first part that differs; nothing recorded explains" in done.stderr
    assert re.search(r"^accuracy 0\.\d+ then, 0\.\d+ now, macro_f1", done.stdout, re.M)
    assert "Traceback" not in done.stderr


@pytest.fixture(name="moved")
def _moved(lab: Lab) -> Iterator[Lab]:
    """The lab while the file, which Git does not know, has other rows than the run read."""
    path = lab.folder / "rows.csv"
    text = path.read_text()
    edit(path, "great", "grand")
    yield lab
    path.write_text(text)


def test_a_source_that_changed_is_replaced_by_what_was_kept(moved: Lab, tmp_path: Path) -> None:
    """What the run made of it comes by its hash out of the cache; all the rest is made again."""
    done = reproduce(moved, tmp_path, RUN=moved.runs["file"])

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "rows.csv has changed; data/raw came from the DVC cache of this project" in done.stdout
    assert "Running stage 'ingest'" not in done.stdout
    assert "Running stage 'prepare'" in done.stdout


def test_a_source_that_is_gone_is_told(moved: Lab, tmp_path: Path) -> None:
    """Where the cache has nothing either, the verdict names data/raw and trains nothing."""
    cache = moved.folder / ".dvc" / "cache"
    cache.rename(cache.with_name("cache.away"))
    done = reproduce(moved, tmp_path, RUN=moved.runs["file"])
    shutil.rmtree(cache, ignore_errors=True)
    cache.with_name("cache.away").rename(cache)

    assert done.returncode != 0
    assert "data/raw is the first part that differs; rows.csv has changed; neither" in done.stderr
    assert "Running stage 'train'" not in done.stdout


def test_every_way_leads_to_one_chain(lab: Lab, tmp_path: Path) -> None:
    """The run, the version that was registered of it, by number and alias, and the Bento."""
    home = {"BENTOML_HOME": str(tmp_path)}
    call(lab.folder, "make", "register", SET="")
    bento = re.findall(r"classifier:\w+", call(lab.folder, "make", "package", SET="", **home))[0]
    digest = json.loads((lab.folder / "models/bento/serving.json").read_text())
    (made,) = lab.client().search_runs(
        ["1"], f"tags.`model.sha256` = '{digest['info']['model_sha256']}'"
    )

    ways = ("VERSION=classifier/1", "VERSION=classifier/challenger", f"BENTO={bento}")
    shown = [
        call(lab.folder, "make", "lineage", way, **home)
        for way in (f"RUN={made.info.run_id}", *ways)
    ]
    chains = {re.sub(r"^asked.*\n| here, as recorded", "", text) for text in shown}

    assert len({re.sub(" +", " ", text) for text in chains}) == 1
    for part in ("exported model", "raw data", "synthetic", made.info.run_id, "went on", "who"):
        assert part in shown[0]


def test_an_interrupted_rebuilding_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    """After a polite kill neither folder nor process nor entry of Git stays."""
    before = state(lab)
    running = subprocess.Popen(
        ["python", "-m", "mlops.lineage.reproduce"],
        cwd=lab.folder,
        env={**environment(lab.folder), "TMPDIR": str(tmp_path), "RUN": lab.runs["clean"]},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdout
    for line in running.stdout:
        if "Running stage 'ingest'" in line:
            break
    running.send_signal(signal.SIGTERM)
    running.stdout.read()  # ends when the last process that holds it has ended

    assert running.wait() == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    assert state(lab) == before
