"""What retention deletes and what it never does, in an embedded store and on the real servers."""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

import servers
import sickbed
from common import ROOT
from local_platform.servers import Platform
from ml.config import Params
from mlops.core.errors import TrackingError
from mlops.storage import retention
from mlops.storage.expired_runs import Store

DAY = 86_400
OLD, YOUNG = 40, 20  # days, in qa, which keeps 30
EMBEDDED = pytest.mark.parametrize("history", ["sqlite"], indirect=True)  # a server is slow
MD5 = "0123456789abcdef0123456789abcdef"  # pragma: allowlist secret


@pytest.fixture(name="qa")
def _qa(make_params: Callable[..., Params]) -> Params:
    """A configuration of qa with an experiment of its own."""
    return make_params(environment="qa", mlflow={"experiment_name": uuid.uuid4().hex})


@pytest.fixture(
    name="history", params=["sqlite", pytest.param("server", marks=pytest.mark.integration)]
)
def _history(
    request: pytest.FixtureRequest, project: Path, monkeypatch: pytest.MonkeyPatch, qa: Params
) -> Iterator["History"]:
    """Runs of the past in an embedded store, and in a server's."""
    if request.param == "server":
        variables = request.getfixturevalue("platform").variables("qa")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        uri, place = variables["MLFLOW_TRACKING_URI"], None
    else:
        uri = f"sqlite:///{project / 'mlflow.db'}"
        (project / "mlflow.db").write_bytes(request.getfixturevalue("empty_store").read_bytes())
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        place = (project / "artifacts").as_uri()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield History(qa, uri, place, project)
    mlflow.set_tracking_uri(before)


class History:
    """Runs that ended some days ago."""

    def __init__(self, params: Params, uri: str, place: str | None, folder: Path) -> None:
        self.params, self.folder = params, folder
        self.client = mlflow.MlflowClient(uri, uri)
        name = params.mlflow.experiment_name
        self.experiment = self.client.create_experiment(name, place)

    def run(self, days: float, status: str = "FINISHED", **tags: str) -> str:
        """Make a run with two files of ten bytes, that ended so many days ago."""
        moment = int((time.time() - days * DAY) * 1000)
        labels = {"environment": "qa", **tags}
        run_id = str(self.client.create_run(self.experiment, moment, labels).info.run_id)
        self.client.log_text(run_id, "0123456789", "a.txt")
        self.client.log_text(run_id, "0123456789", "release/b.txt")
        if status != "RUNNING":
            self.client.set_terminated(run_id, status, moment)
        return run_id

    def model(self, run_id: str) -> str:
        """Make a logged model of a run, with a file of ten bytes."""
        source = self.folder / "model"
        source.mkdir(exist_ok=True)
        (source / "weights").write_text("0123456789")
        made = self.client.create_logged_model(self.experiment, "m", run_id)
        self.client.log_model_artifacts(made.model_id, str(source))
        return str(self.client.finalize_logged_model(made.model_id, "READY").model_id)

    def register(self, source: str, run_id: str | None = None, model: str | None = None) -> str:
        """Make a version, return its name."""
        name = uuid.uuid4().hex[:8]
        self.client.create_registered_model(name)
        self.client.create_model_version(name, source, run_id, model_id=model)
        return name

    def expired(self) -> set[str]:
        """Return what would go now."""
        plan, _ = Store(self.params).plan(time.time() - 30 * DAY)
        return {item.name for item in plan.going}

    def clean(self) -> None:
        """Delete what would go now."""
        store = Store(self.params)
        plan, _ = store.plan(time.time() - 30 * DAY)
        store.delete(plan.going)

    def files(self, run_id: str) -> list[str]:
        """Return the artifacts of a run."""
        return [entry.path for entry in self.client.list_artifacts(run_id)]

    def read(self, source: str) -> str:
        """Return a file of a version, as who deploys it gets it."""
        path = mlflow.artifacts.download_artifacts(source, dst_path=str(self.folder / "read"))
        return Path(path).read_text()


def test_an_expired_run_goes_with_its_files_and_models(history: History) -> None:
    """The younger one stays whole."""
    old, young = history.run(OLD), history.run(YOUNG)
    model = history.model(old)

    assert history.expired() == {old, model}
    history.clean()

    assert history.client.get_run(old).info.lifecycle_stage == "deleted"
    assert history.files(old) == []
    assert history.client.search_logged_models([history.experiment]) == []
    assert history.files(young) == ["a.txt", "release"]
    assert history.client.get_run(young).info.lifecycle_stage == "active"
    assert history.expired() == set()


@EMBEDDED
@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_a_run_goes_whatever_its_end_was(history: History, status: str) -> None:
    """A failed one, too."""
    old, _ = history.run(OLD, status), history.run(YOUNG, status)

    assert history.expired() == {old}


def test_what_would_go_is_counted_in_bytes(history: History) -> None:
    """And looking deletes nothing."""
    old = history.run(OLD)
    plan, _ = Store(history.params).plan(time.time() - 30 * DAY)

    assert [(item.name, item.size) for item in plan.going] == [(old, 20)]
    assert history.files(old) == ["a.txt", "release"]


@EMBEDDED
def test_what_is_not_ours_or_not_ended_stays(history: History) -> None:
    """A run that goes on, one of another environment, one that nobody says of which, another's."""
    other = history.params.model_copy(
        update={"mlflow": history.params.mlflow.model_copy(update={"experiment_name": "other"})}
    )
    history.run(OLD, "RUNNING")
    history.run(OLD, environment="prod")
    history.run(OLD, environment="")

    assert history.expired() == set()
    history.run(OLD)
    assert Store(other).plan(time.time())[0].going == []


def test_a_registered_run_stays_loadable(history: History) -> None:
    """Whether an alias names the version or not."""
    plain, aliased = history.run(OLD), history.run(OLD)
    names = [history.register(f"runs:/{one}/release", one) for one in (plain, aliased)]
    history.client.set_registered_model_alias(names[1], "champion", "1")

    history.clean()

    assert history.read(f"models:/{names[0]}/1/b.txt") == "0123456789"
    assert history.read(f"models:/{names[1]}@champion/b.txt") == "0123456789"


def test_a_registered_logged_model_stays_loadable_and_its_run_too(history: History) -> None:
    """`mlflow gc` deletes its files; the version names no run here."""
    run_id = history.run(OLD)
    model, sibling = history.model(run_id), history.model(run_id)
    name = history.register(f"models:/{model}", model=model)

    assert history.expired() == set()
    history.clean()

    assert history.read(f"models:/{name}/1/weights") == "0123456789"
    assert history.client.get_run(run_id).info.lifecycle_stage == "active"
    assert history.client.get_logged_model(sibling)


@EMBEDDED
def test_the_copy_of_a_version_keeps_the_files_of_the_first(history: History) -> None:
    """Both share a folder, and the first is gone: only where the files lie tells the run.

    A server asks for the run's id, which the copy keeps.
    """
    run_id = history.run(OLD)
    name = history.register(f"runs:/{run_id}/release")
    copy = f"{name}-copy"
    history.client.copy_model_version(f"models:/{name}/1", copy)
    history.client.delete_registered_model(name)

    assert history.expired() == set()
    history.clean()

    assert history.read(f"models:/{copy}/1/b.txt") == "0123456789"


@EMBEDDED
def test_models_that_a_deleted_run_has_left_go(history: History) -> None:
    """MLflow deletes a run without its logged models."""
    run_id = history.run(OLD)
    model = history.model(run_id)
    history.client.delete_run(run_id)

    assert history.expired() == {model}


@EMBEDDED
def test_what_was_cut_off_is_completed(history: History) -> None:
    """Killed between the files of a run and the run itself, the next one finds it."""
    run_id = history.run(OLD)
    mlflow.artifacts.get_artifact_repository(
        history.client.get_run(run_id).info.artifact_uri
    ).delete_artifacts()

    history.clean()

    assert history.client.get_run(run_id).info.lifecycle_stage == "deleted"


@EMBEDDED
def test_what_is_registered_after_the_plan_stays(history: History) -> None:
    """Minutes may lie between."""
    run_id = history.run(OLD)
    store = Store(history.params)
    plan, _ = store.plan(time.time() - 30 * DAY)
    history.register(f"runs:/{run_id}/release", run_id)

    assert store.delete(plan.going) == []
    assert history.files(run_id) == ["a.txt", "release"]


def test_runs_that_stay_tell_their_hashes(history: History) -> None:
    """Those of their tags and of their dvc.lock; runs that go tell none."""
    young = history.run(YOUNG, **{"data.raw.md5": f"{MD5}.dir"})
    history.client.log_text(young, f"outs:\n- md5: {MD5[::-1]}\n", "dvc.lock")
    history.run(OLD, **{"model.md5": "f" * 32})

    _, carried = Store(history.params).plan(time.time() - 30 * DAY)

    assert {f"{MD5}.dir", MD5[::-1]} <= carried
    assert "f" * 32 not in carried


def test_a_store_that_was_never_used_has_nothing(
    project: Path, make_params: Callable[..., Params]
) -> None:
    """And looking makes none."""
    plan, _ = Store(make_params(environment="dev")).plan(time.time())

    assert plan.going == []
    assert not (project / ".mlflow").exists()


@pytest.mark.integration
@pytest.mark.parametrize(
    "variables",
    [{"MLFLOW_TRACKING_PASSWORD": "wrong"}, {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}],
    ids=["wrong password", "nobody there"],
)
def test_a_store_that_cannot_be_read_is_told(
    platform: Platform, qa: Params, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Before anything is planned."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name, value in {**platform.variables("qa"), **variables}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(TrackingError, match="MLFLOW_TRACKING_URI"):
        Store(qa).plan(time.time())


@pytest.fixture(name="verb")
def _verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Return a function that runs the verb in a repository; it returns what was printed."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.chdir(tmp_path)

    def verb(**variables: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            retention.main()
        return capsys.readouterr().out

    return verb


@pytest.mark.integration
def test_the_verb_asks_before_it_deletes(platform: Platform, verb: Callable[..., str]) -> None:
    """Without APPLY it only tells; with it what nothing needs is gone, what is used is not."""
    keep = f"storage.retention_days=0 storage.remote=s3://{servers.QA}/verb/dvc"
    variables = {**platform.variables("qa"), "ENV": "qa"}
    variables["SET"] = f"{keep} mlflow.experiment_name=verb"
    client = servers.client(variables)
    used, unused = uuid.uuid4().hex, uuid.uuid4().hex  # runs of other tests carry other hashes
    for oid in (used, unused):
        key = f"verb/dvc/files/md5/{oid[:2]}/{oid[2:]}"
        client.put_object(Bucket=servers.QA, Key=key, Body=b"0123456789")
    Path("dvc.lock").write_text(f"outs: [{{md5: {used}}}]\n")

    def left() -> list[str]:
        found = client.list_objects_v2(Bucket=servers.QA, Prefix="verb/").get("Contents", [])
        return [entry["Key"][-5:] for entry in found]

    assert "nothing is deleted yet: make retention ENV=qa APPLY=1" in verb(**variables)
    assert len(left()) == 2

    with pytest.raises(TrackingError):
        verb(**variables | {"MLFLOW_TRACKING_PASSWORD": "wrong", "APPLY": "1"})
    assert len(left()) == 2

    assert "deleted: 1 of them" in verb(**variables, APPLY="1")
    assert left() == [used[-5:]]


def test_production_keeps_everything(verb: Callable[..., str]) -> None:
    """It says so before it asks any server, of which there is none here."""
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    nowhere = dict.fromkeys(("AWS_ENDPOINT_URL", "MLFLOW_TRACKING_URI"), "http://127.0.0.1:1")

    told = verb(ENV="prod", APPLY="1", **keys, **nowhere)

    assert told == "prod keeps everything: storage.retention_days is null\n"


def test_a_server_that_is_too_old_is_named(qa: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is fine: before 3.0 MLflow has no logged models to ask for."""
    with sickbed.answering({"/version": "2.22.1"}) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{address}/")

        with pytest.raises(TrackingError, match=r"version 2\.22\.1.*needs 3\.0.*nothing was del"):
            Store(qa).plan(time.time())
