"""Build the Bento: the service, its packages and the model, under a tag made from their content.

Reads: params.yaml, models/serving/, models/model/, reports/metrics.json, data/prepared/,
    bentofile.yaml, requirements/serving.lock, src/ml/service.py, src/ml/serving/
Writes: models/bento/, the Bento in BENTOML_HOME (~/bentoml)
"""

import json
import sys
from pathlib import Path
from typing import Any

import bentoml
import yaml
from bentoml.exceptions import BentoMLException, NotFound

from ml import payload
from ml.errors import ServingError, run

BENTOFILE = "bentofile.yaml"


def main() -> None:
    """Build the Bento, unless one with the same content is there."""
    told = payload.lay_out()
    with open(BENTOFILE, encoding="utf-8") as file:  # noqa: PTH123
        name = yaml.safe_load(file)["name"]
    tag = f"{name}:{told['package']}"
    try:
        bentoml.bentos.get(tag)
        done = "is there already: nothing in it has changed"
    except NotFound:
        _build(told)
        done = "is built"
    sys.stdout.write(
        f"{tag} {done}\n"
        f"  serve it    bentoml serve {tag}\n"
        f"  image       bentoml containerize {tag} (docs/serving.md)\n"
        f"  take it     bentoml export {tag} $PWD/{name}.bento\n"
    )


def inside(tag: str) -> tuple[str, dict[str, Any], Path]:
    """Return the whole tag of a Bento, what it tells of itself, and the model's folder in it."""
    try:
        found = bentoml.bentos.get(tag)
        folder = Path(found.path_of("src")) / payload.FOLDER
        read = json.loads((folder / "serving.json").read_text(encoding="utf-8"))
        return str(found.tag), dict(read["info"]), folder
    except (BentoMLException, OSError, ValueError, KeyError) as error:
        raise ServingError(
            f"BENTO should be the tag of a Bento of this project, found {tag} ({error}); "
            "`bentoml list` shows them, `make package` builds one"
        ) from None


def _build(told: dict[str, object]) -> None:
    labels = {name: str(told[name]) for name in ("name", "version", "environment", "commit")}
    try:
        bentoml.bentos.build_bentofile(BENTOFILE, version=str(told["package"]), labels=labels)
    except BentoMLException as error:
        raise ServingError(
            f"BentoML should build what {BENTOFILE} says, but failed: {error}; "
            "`bentoml build` tells more"
        ) from error


if __name__ == "__main__":
    run(main)
