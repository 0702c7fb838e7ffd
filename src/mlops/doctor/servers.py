"""The servers that the work needs: S3, MLflow, the Hugging Face hub. Only those in use.

Reads: the usual variables of AWS, MLflow and the hub; ~/.aws, the cache of the hub
"""

import os
from pathlib import Path
from typing import Any

from mlops.config import hub as hugging_face
from mlops.core.errors import TrackingError
from mlops.doctor import environment, outside
from mlops.doctor.finding import Finding, broken, note, ok
from mlops.tracking import database, server

CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
FILES = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}
SECONDS = 10  # for the bucket, the start of Python included


def storage(usable: bool) -> Finding:
    """Look for credentials; where there are any, ask the environment's bucket."""
    named = [name for name in CREDENTIALS if os.environ.get(name)]
    named += [path for path in (os.environ.get(n) or f for n, f in FILES.items()) if _is_file(path)]
    if not named:
        return note(
            "storage",
            "no AWS credentials in variables or ~/.aws: nothing is shared",
            "work alone, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL",
        )
    if not usable:
        return ok(
            "storage", f"credentials from {named[0]}; the bucket is checked after make install"
        )
    said = environment.ask("bucket", SECONDS)
    if not said.good:
        return note(
            "storage",
            f"credentials from {named[0]}, but {said.text.removeprefix('error: ')}",
            "fix it before push, pull, verify and SHARE=1; nothing else needs it",
        )
    return ok("storage", f"{said.text} answers; credentials from {named[0]}")


def _is_file(path: str) -> bool:
    return Path(path).expanduser().is_file()


def tracking(name: str) -> Finding:
    """Ask the MLflow server whether it is there and fits; `name` is the environment's."""
    uri = server.get_uri(name)
    if uri == server.get_embedded_uri(name):
        try:
            database.check(uri)
        except TrackingError as error:
            return broken("MLflow", str(error), "restore it or move it away, as said")
        return ok("MLflow", "runs are recorded on this machine")
    plain = server.redact(uri)
    try:
        server.check(uri)
    except TrackingError as error:
        return broken("MLflow", str(error), "fix it, or MLFLOW_OFFLINE=1 make train")
    if not uri.startswith("http"):
        return ok("MLflow", plain)
    here, said = environment.version("mlflow"), outside.server(f"{plain.rstrip('/')}/version")
    there = said.text if said.good and said.text[:1].isdigit() and "." in said.text else None
    if here and there and here.split(".")[:2] != there.split(".")[:2]:
        return note(
            "MLflow",
            f"{plain} runs {there}, here is {here}",
            "run the same version on both sides, the server's first",
        )
    return ok("MLflow", f"{plain} answers" + (f", version {there}" if there else ""))


def hub(model: dict[str, Any]) -> Finding:
    """Ask the hub, if the chosen model has to come from there; `model` is the section."""
    name = model["pretrained"]
    if not name or Path(name).exists():
        return ok("hub", "nothing to download for this model")
    if hugging_face.cached(name, model["revision"]):
        return ok("hub", f"{name} is in the cache already")
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in hugging_face.YES:
        found = f"{name} has to be downloaded, but HF_HUB_OFFLINE is set"
        return broken("hub", found, "unset HF_HUB_OFFLINE, or name a local folder")
    address = hugging_face.address()
    said = outside.server(f"{address}/api/models/{name}")
    if not said.good:
        return broken(
            "hub",
            f"{name} has to be downloaded, but {address} does not answer: {said.text}",
            "look at the network and HF_ENDPOINT, or choose model=tiny",
        )
    if said.text in ("401", "403", "404"):
        found = f"{address} has no public {name} ({said.text})"
        return note("hub", found, "correct model.pretrained, or set HF_TOKEN if it is private")
    return ok("hub", f"{address} answers; the first run downloads {name}")
