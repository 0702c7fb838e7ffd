"""The DVC remote of an environment, checked before anything is done: errors are plain then."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from dvc.config import Config

from mlops.core.errors import StorageError
from mlops.pipeline.compose import compose
from mlops.storage.bucket import Bucket

SYSTEM_CONFIG = (
    "DVC_SYSTEM_CONFIG_DIR"  # the lowest of DVC's four levels: a person's own stands above
)
NEEDED = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, unless it is AWS itself, AWS_ENDPOINT_URL"

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
ONE: dict[str, Any] = {"PaginationConfig": {"MaxItems": 1, "PageSize": 1}}
# Since 2025 AWS's clients use checksums that other servers may not know, unless set otherwise.
CHECKSUMS = ("request_checksum_calculation", "response_checksum_validation")


class ExpiredError(StorageError):
    """The credentials were good, and are no longer."""


def get_address(name: str) -> str:
    """Return where an environment shares, as configured."""
    return compose(name).storage.remote


def bucket(name: str, **options: Any) -> Bucket:
    """Return the bucket where an environment shares."""
    return Bucket(client(**options), get_address(name))


def has_credentials() -> bool:
    """Return whether there are any for S3: in variables, in files, or where these lead to.

    The role of a machine is not asked for, which takes seconds on a machine that has none.
    """
    try:
        chain = botocore.session.get_session().get_component("credential_provider")
        chain.remove("iam-role")
        return chain.load_credentials() is not None
    except BotoCoreError:
        return True  # there are some: whoever uses them reports what is wrong with them


def check(name: str) -> None:
    """Ask for one object of the environment's remote; raise StorageError if that is refused.

    Without retries: DVC's own take a minute to say that nobody is there.
    """
    url = get_address(name)
    try:
        next(bucket(name).list(**ONE), None)
    except NoCredentialsError:
        raise StorageError(
            f"no credentials for {url}; set {NEEDED}. Without SHARE `make train` works alone"
        ) from None
    except (BotoCoreError, ClientError, ValueError) as error:
        if is_expired(error):
            raise ExpiredError(
                f"the credentials for {url} have expired ({error}); renew them and run the same "
                "command again: what was computed is kept"
            ) from None
        raise StorageError(
            f"cannot use {url} at {endpoint()}: {error}; check AWS_ENDPOINT_URL, the credentials "
            f"of {name} and that the server runs. Without SHARE `make train` works alone"
        ) from None


def is_expired(error: Exception) -> bool:
    """Return whether an error means that the credentials have expired."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in EXPIRED
    return isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError)


def check_transfer(name: str, write: bool) -> None:
    """Move an object of a few bytes there and back; raise StorageError with why that is refused."""
    try:
        _probe(bucket(name), write)
    except (BotoCoreError, ClientError) as error:
        try:
            _probe(bucket(name, **dict.fromkeys(CHECKSUMS, "when_required")), write)
        except (BotoCoreError, ClientError):
            raise StorageError(
                f"{get_address(name)} refuses to {'store' if write else 'send'} an object: "
                f"{error}; check the permissions of the credentials of {name}"
            ) from None
        cure = " and ".join(f"AWS_{option.upper()}=when_required" for option in CHECKSUMS)
        raise StorageError(
            f"{get_address(name)} refuses the checksums that AWS's own client adds ({error}); "
            f"set {cure} and run the same command again"
        ) from None


def _probe(found: Bucket, write: bool) -> None:
    """Write and read a small object, or read any that is there."""
    if write:
        found.client.put_object(**found.place("probe"), Body=b"probe")
        found.read("probe")
        with suppress(BotoCoreError, ClientError):  # the right to delete may be another one
            found.remove("probe")
    else:
        for key, _ in found.list(**ONE):
            found.read(key)


def endpoint() -> str:
    """Return the address of the S3 server."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return named or "AWS (AWS_ENDPOINT_URL is not set)"


def client(**options: Any) -> Any:
    """Return an S3 client that gives up soon.

    Of a session of its own: boto3's default one keeps the credentials that it has seen first.
    """
    patience = ClientConfig(
        connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}, **options
    )
    return boto3.Session().client("s3", config=patience)


def check_config(name: str) -> None:
    """Refuse settings of DVC by which it would share elsewhere than configured in conf/."""
    found = Config(dvc_dir=str(Path(".dvc").resolve()))
    chosen = found["core"].get("remote")
    if chosen != name:
        raise StorageError(
            f"DVC's own setting core.remote is {chosen}: sharing in {name} would restore from "
            f"there; remove it (`dvc config --show-origin core.remote` shows where it is)"
        )
    url = found["remote"].get(name, {}).get("url")
    if url != get_address(name):
        raise StorageError(
            f".dvc/config shares {name} at {url}, conf/ at {get_address(name)}; write what conf/ "
            "says: `python -m mlops.storage.remotes`"
        )


@contextmanager
def use_as_default(name: str) -> Iterator[None]:
    """Make the environment's remote DVC's default while the block runs, without editing a file.

    `dvc repro --pull` takes no name of a remote, and DVC has no variable for it.
    """
    with tempfile.TemporaryDirectory(prefix="dvc-") as folder:
        Path(folder, "config").write_text(f"[core]\n    remote = {name}\n", encoding="utf-8")
        before = os.environ.get(SYSTEM_CONFIG)
        os.environ[SYSTEM_CONFIG] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[SYSTEM_CONFIG]
            else:
                os.environ[SYSTEM_CONFIG] = before
