"""The pipeline of GitLab, executed: a push to a feature branch, and a merge request."""

import json
from pathlib import Path

import mlflow
import pytest

import clones
import gitlab
import servers
from local_platform.servers import Platform

pytestmark = pytest.mark.nightly
SMALL = (
    "data:\n  synthetic_rows: 3000\nprepare:\n  sample: 1.0\n"
    "training:\n  epochs: 1\n  batch_size: 16\n"
)


@pytest.fixture(name="project")
def _project(tmp_path: Path, platform: Platform) -> Path:
    """A clone with an origin, variables of each environment, a branch with an experiment."""
    if lacking := gitlab.missing():
        pytest.skip(f"gitlab-ci-local needs {', '.join(lacking)}")
    project = clones.installed(tmp_path / "project")
    origin = tmp_path / "origin.git"
    clones.call(project, "git", "init", "--quiet", "--bare", str(origin))
    clones.call(project, "git", "remote", "set-url", "origin", str(origin))
    clones.call(project, "git", "push", "--quiet", "origin", "HEAD:refs/heads/qa")
    clones.call(project, "git", "fetch", "--quiet", "origin")
    clones.call(project, "git", "checkout", "--quiet", "-b", "feature/xlnet-classifier")
    path = project / "conf" / "experiment" / "xlnet-mine.yaml"
    path.write_text(f"{SMALL}mlflow:\n  experiment_name: executed\n")
    clones.call(project, "git", "add", "--all")
    clones.call(project, "git", "commit", "--quiet", "--message", "XLNet classifier")
    gitlab.variables(project, {name: platform.variables(name) for name in ("dev", "qa", "prod")})
    return project


def runs(platform: Platform, environment: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many runs of the experiment an environment's MLflow has."""
    for name, value in platform.variables(environment).items():
        monkeypatch.setenv(name, value)
    client = mlflow.MlflowClient(platform.variables(environment)["MLFLOW_TRACKING_URI"])
    found = client.get_experiment_by_name("executed")
    return len(client.search_runs([found.experiment_id])) if found else 0


def test_a_push_to_a_feature_branch_acts_on_dev_alone(
    project: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its experiment is trained, tracked and shared in dev; qa and prod know nothing of it."""
    code, told = gitlab.run(project)

    assert code == 0, told[-5000:]
    assert "restored from the" not in told
    assert {name: runs(platform, name, monkeypatch) for name in ("dev", "qa", "prod")} == {
        "dev": 1,
        "qa": 0,
        "prod": 0,
    }
    for name in ("dev", "qa", "prod"):
        listed = servers.client(platform.variables(name)).list_objects_v2(Bucket=f"mlops-{name}")
        objects = [one["Key"] for one in listed.get("Contents", []) if "/dvc/" in one["Key"]]
        assert bool(objects) == (name == "dev"), name
    assert "make deploy" not in told


def test_a_merge_request_acts_on_nothing(project: Path, platform: Platform) -> None:
    """It is trained and set beside its target without a variable of any environment."""
    code, told = gitlab.run(
        project,
        "review",
        CI_PIPELINE_SOURCE="merge_request_event",
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="qa",
    )

    assert code == 0, told[-5000:]
    found = json.loads((project / "reports" / "review.json").read_text())
    assert (found["experiment"], found["target"]) == ("xlnet-mine", "qa")
    assert {one["name"] for one in found["values"]} >= {"training.batch_size"}
    for name in ("dev", "qa", "prod"):
        assert platform.variables(name)["AWS_SECRET_ACCESS_KEY"] not in told
