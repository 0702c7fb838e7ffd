"""Publish a model and its card on a hub of models: Hugging Face's, or the one of HF_ENDPOINT.

Reads: REPO, VERSION (else the model of the last `make train`), PUBLIC, ENV, EXP, SET, the
    environment's registry, HF_TOKEN or what `hf auth login` has kept
Writes: a repository on the hub, private unless PUBLIC=1
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import huggingface_hub
from huggingface_hub import errors

from mlops.config import schema
from mlops.core.errors import HostError, run
from mlops.pipeline.compose import asked
from mlops.release.versions import bundle, selection, version_files
from mlops.release.versions.registry import Registry

NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
CARD = "model_card.md"


def lay_out(folder: Path, number: str | None) -> str:
    """Copy model and card, as the repository's README; return what they are."""
    if number:
        params = asked()
        registry = Registry(params)
        version = selection.select(registry, params, number)
        fetched = folder / "fetched"
        model = version_files.fetch(registry, version, fetched / "model", "model")
        card = version_files.fetch(registry, version, fetched / "reports", "reports") / CARD
        verdict = version.tags.get("gate.verdict", "not checked")
        what = f"{version} of {params.environment} ({verdict} by the gate)"
    else:
        params = schema.load()
        bundle.check_environment(params, os.environ.get("ENV"))
        bundle.check_export()
        model, card, made = bundle.MODEL, bundle.METRICS.with_name(CARD), bundle.commit()
        commit = f"commit {made['commit'] or 'unknown'}{' with changes' * made['changed']}"
        what = f"{params.model.name} {params.model.version} of the work tree ({commit})"
    if not card.is_file():
        raise HostError(f"{card} is missing; run `make train`")
    shutil.copytree(model, folder / "upload")
    shutil.copy(card, folder / "upload" / "README.md")
    return what


def upload(repository: str, folder: Path, message: str, public: bool) -> str:
    """Make the repository where it is missing, commit the files; return its address."""
    hub = huggingface_hub.HfApi()
    try:
        address = hub.create_repo(repository, private=not public, exist_ok=True)
        if not public and not hub.repo_info(repository).private:
            raise HostError(f"{address} is public. PUBLIC=1 publishes there; or name another REPO")
        hub.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except errors.OfflineModeIsEnabled:
        raise HostError("HF_HUB_OFFLINE is set; unset it to publish") from None
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise HostError(
            f"{hub.endpoint} did not take {repository}: {said}. Check REPO, that the token may "
            "write there, and HF_ENDPOINT"
        ) from None
    return str(address)


def main() -> None:
    """Publish what VERSION names, or the model of the work tree."""
    repository = os.environ.get("REPO") or ""
    if not NAME.fullmatch(repository):
        raise HostError(
            f"REPO: expected owner/name, found {repository or 'nothing'}. "
            "Example: make publish REPO=my-team/tickets"
        )
    if not huggingface_hub.get_token():
        raise HostError(
            "HF_TOKEN is not set. Make a token that may write (hub: Settings, Access Tokens) "
            f"and type HF_TOKEN=... make publish REPO={repository}"
        )
    public = (os.environ.get("PUBLIC") or "0") != "0"
    with tempfile.TemporaryDirectory(prefix="publish-") as name:
        what = lay_out(Path(name), os.environ.get("VERSION"))
        address = upload(repository, Path(name) / "upload", f"Publish {what}", public)
    sys.stdout.write(f"{what} is at {address} ({'public' if public else 'private'})\n")


if __name__ == "__main__":
    run(main)
