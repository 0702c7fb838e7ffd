"""Where things lie that DVC does not track: MLflow stores, checkpoints, records, answers."""

from pathlib import Path

ANSWERS = Path(".copier-answers.yml")  # of which template a project was made, and with what answers


def home() -> Path:
    """Return the project's folder, also inside the temporary copy of a queued DVC experiment.

    What an experiment leaves must outlive that copy, `.dvc/tmp/exps/<name>` of the project.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return here


def mlflow_store(environment: str) -> Path:
    """Return the folder of the environment's embedded MLflow store."""
    return home() / ".mlflow" / environment


def checkpoints(key: str) -> Path:
    """Return the folder of the checkpoints of the training with these inputs."""
    return home() / ".checkpoints" / key


def run_record(model_digest: str) -> Path:
    """Return the file that names the MLflow run that trained the model with this content."""
    return home() / ".runs" / f"{model_digest}.json"


def journals(environment: str) -> Path:
    """Return the folder of the journals of an environment's runs."""
    return home() / ".runs" / environment
