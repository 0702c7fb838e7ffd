"""Each kind of known error, met by a command as typed: a sentence, exit code 1, no traceback."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from door import Project, project
from mlops.core import errors

pytestmark = pytest.mark.field


@dataclass(frozen=True)
class Case:
    """A command that meets an error, and what its sentence names."""

    error: type[errors.KnownError]
    command: str
    says: str
    files: Mapping[str, str] = field(default_factory=dict)


TINY = "".join(f"a film of number {n},{('neg', 'pos')[n % 2]}\n" for n in range(40))
CASES = (
    Case(errors.ConfigError, "make validate EXP=nothere", "nothere"),
    Case(errors.DataError, "EXP=gone dvc repro ingest", "/nowhere/reviews.csv"),
    Case(errors.ModelError, "EXP=damaged dvc repro train", "written/model"),
    Case(
        errors.TrackingError,
        "MLFLOW_TRACKING_URI=http://127.0.0.1:9 make lineage RUN=abc",
        "http://127.0.0.1:9",
    ),
    Case(errors.StorageError, "make push", "s3://mlops-dev"),
    Case(errors.ServingError, "make predict TEXT=fine PORT=9", "http://127.0.0.1:9"),
    Case(errors.GateError, "make register", "make train"),
    Case(errors.LineageError, "make lineage RUN=abc", "abc"),
    Case(errors.DeployError, "make deploy ENV=qa", "kubectl"),
    Case(errors.OperateError, "make ship-log", "REQUEST_LOG"),
    Case(errors.HostError, "make tell WHAT=everything", "everything"),
    Case(errors.AuditError, "make audit", "audit.toml", {"requirements/audit.toml": "garbled"}),
    Case(errors.TemplateError, "make update", ".copier-answers.yml"),
    Case(errors.PlatformError, "PLATFORM_PORT=7 make platform", "PLATFORM_PORT"),
)


@pytest.fixture(name="home", scope="module")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone with an experiment whose data are gone, and one whose model is damaged."""
    home = project(tmp_path_factory.mktemp("errors") / "project")
    model = home.folder / "written" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "bert", "hidden_')
    (home.folder / "written" / "rows.csv").write_text(f"text,label\n{TINY}")
    home.experiment("gone", data={"train_path": "/nowhere/reviews.csv"})
    home.experiment(
        "damaged",
        data={"train_path": "written/rows.csv"},
        model={"pretrained": "written/model"},
    )
    return home


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.error.__name__)
def test_a_known_error_is_one_sentence(case: Case, home: Project) -> None:
    """Whoever typed the command reads what was found, not where our code was."""
    for name, content in case.files.items():
        (home.folder / name).write_text(content)

    answer = home.shell(case.command)

    told = [line for line in answer.output.splitlines() if line.startswith("error: ")]
    assert answer.code, answer.output[-3000:]
    assert "Traceback" not in answer.output
    assert len(told) == 1
    assert case.says in answer.output


def test_each_kind_is_met() -> None:
    """A new kind of error gets its line above."""
    assert {case.error for case in CASES} == set(errors.KnownError.__subclasses__())
