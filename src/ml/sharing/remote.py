"""The DVC remote of an environment, asked before anything is done: errors are plain then."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from ml.compose import compose
from ml.errors import StorageError

SYSTEM_CONFIG = (
    "DVC_SYSTEM_CONFIG_DIR"  # the lowest of DVC's four levels: a person's own stands above
)
NEEDED = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, unless it is AWS itself, AWS_ENDPOINT_URL"

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION"


class ExpiredError(StorageError):
    """The credentials were good, and are no longer."""


def address(name: str) -> str:
    """Return where an environment shares, as conf/ says."""
    return compose(name).storage.remote


def credentials() -> bool:
    """Tell whether there are any for S3: in variables, in files, or where these lead to.

    The role of a machine is not asked for, which takes seconds on a machine that has none.
    """
    try:
        chain = botocore.session.get_session().get_component("credential_provider")
        chain.remove("iam-role")
        return chain.load_credentials() is not None
    except BotoCoreError:
        return True  # there are some: what is wrong with them is told by who uses them


def check(name: str) -> None:
    """Ask for one object of the environment's remote; raise StorageError if that is refused.

    Without retries: DVC's own take a minute to say that nobody is there.
    """
    url = address(name)
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    try:
        client().list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
    except NoCredentialsError:
        raise StorageError(
            f"{url} should be shared with, but there are no credentials; set {NEEDED}, "
            "or leave SHARE away to work alone"
        ) from None
    except (BotoCoreError, ClientError, ValueError) as error:
        if expired(error):
            raise ExpiredError(
                f"the credentials for {url} have expired ({error}); renew them and run the same "
                "command again: what was computed is kept"
            ) from None
        raise StorageError(
            f"{url} should answer at {endpoint()}, but: {error}; check AWS_ENDPOINT_URL, the "
            f"credentials of {name} and that the server runs, or leave SHARE away to work alone"
        ) from None


def expired(error: Exception) -> bool:
    """Tell whether an error means that credentials were good once."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in EXPIRED
    return isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError)


def check_writing(name: str) -> None:
    """Send an object of a few bytes; raise StorageError with the reason if that is refused."""
    url = address(name)
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    place = {"Bucket": bucket, "Key": f"{prefix}/probe"}
    try:
        client().put_object(**place, Body=b"probe")
    except (BotoCoreError, ClientError) as error:
        try:
            client(request_checksum_calculation="when_required").put_object(**place, Body=b"probe")
        except (BotoCoreError, ClientError):
            raise StorageError(
                f"{url} can be read but not written: {error}; give the credentials of {name} the "
                "right to put objects there"
            ) from None
        raise StorageError(
            f"{url} refuses the checksums that AWS's own client adds ({error}); set "
            f"{CHECKSUMS}=when_required and run the same command again"
        ) from None
    finally:
        with suppress(BotoCoreError, ClientError):
            client().delete_object(**place)


def endpoint() -> str:
    """Return the address of the S3 server."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return named or "AWS (AWS_ENDPOINT_URL is not set)"


def client(**options: Any) -> Any:
    """Return an S3 client that gives up soon.

    Of a session of its own: boto3's default one keeps the credentials that it has seen first.
    """
    patience = Config(
        connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1}, **options
    )
    return boto3.Session().client("s3", config=patience)


@contextmanager
def default(name: str) -> Iterator[None]:
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
