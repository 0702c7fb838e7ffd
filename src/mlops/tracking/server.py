"""Which MLflow store is used, and whether its server answers; checked in seconds, without MLflow.

Reads: MLFLOW_TRACKING_URI, MLFLOW_OFFLINE, MLFLOW_TRACKING_USERNAME, _PASSWORD, _TOKEN
"""

import base64
import json
import os
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path

from mlops.core import paths, urls
from mlops.core.errors import TrackingError
from mlops.tracking import database

TIMEOUT = 5  # seconds
PATH = "/api/2.0/mlflow/experiments/search?max_results=1"  # every user may ask this
ADVICE = "set MLFLOW_OFFLINE=1 to record here and send it later with `make sync`"


def is_offline() -> bool:
    """Return whether runs are recorded here, for a server that gets them later."""
    return os.environ.get("MLFLOW_OFFLINE", "").lower() not in ("", "0", "false", "no")


def get_embedded_uri(environment: str) -> str:
    """Return the URI of the environment's own store."""
    return f"sqlite:///{paths.mlflow_store(environment) / 'mlflow.db'}"


def get_uri(environment: str) -> str:
    """Return the store in use: the usual variable's, else the environment's own SQLite file."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    return named if named and not is_offline() else get_embedded_uri(environment)


def redact(text: str) -> str:
    """Return a URI, or a sentence with one, without user, password and the project's folder."""
    here = f"sqlite:///{paths.home()}/"
    return urls.plain(text).replace(f"{here}.mlflow/", "sqlite:///.mlflow/")


def get_current_name(name: str) -> str:
    """Return the present name of a store, also in a project that was copied or moved."""
    if name == os.environ.get("MLFLOW_TRACKING_URI"):
        return name
    return re.sub(r"^sqlite:///.*/(\.mlflow/(?:dev|qa|prod)/mlflow\.db)$", r"sqlite:///\1", name)


def first_line(error: Exception) -> str:
    """Return the first line of an error, without a password."""
    return redact(str(error).strip() or type(error).__name__).splitlines()[0]


def check(store: str) -> None:
    """Raise a TrackingError if the store certainly cannot be used: down, not MLflow, damaged."""
    database.prepare(store)
    if urllib.parse.urlsplit(store).scheme in ("http", "https") and (wrong := _find_problem(store)):
        raise TrackingError(f"cannot use MLflow at {redact(store)}: {wrong}, or {ADVICE}")


def version(store: str) -> str | None:
    """Return the release of the server; None where it does not say."""
    try:
        text = str(_get(store, "/version").decode("utf-8", "replace")).strip()
    except (OSError, HTTPException):
        return None
    return text if re.fullmatch(r"\d+\.\d+[\w.+-]*", text) else None


def _get(store: str, path: str) -> bytes:
    parts = urllib.parse.urlsplit(store)
    bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare.rstrip("/") + path)
    if authorization := _authorization(parts):
        request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=_tls()) as answer:
        return bytes(answer.read())


def _find_problem(store: str) -> str:
    """Ask the server; return what is wrong and what to do, or nothing."""
    try:
        return _check_body(_get(store, PATH))
    except urllib.error.HTTPError as error:
        return _explain_status(error)
    except (TimeoutError, urllib.error.URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ""  # MLflow may trust what this Python does not
        if isinstance(reason, socket.gaierror):
            return "unknown host; fix MLFLOW_TRACKING_URI"
        late = isinstance(reason, TimeoutError)
        cause = f"no answer within {TIMEOUT} s" if late else str(reason).strip()
        return f"{cause}; start the server or fix MLFLOW_TRACKING_URI"


def _check_body(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    known = {"experiments", "next_page_token", "error_code", "message"}
    if isinstance(found, dict) and found.keys() <= known:
        return ""
    return "the server there is not MLflow; fix MLFLOW_TRACKING_URI"


def _explain_status(error: urllib.error.HTTPError) -> str:
    if error.code == 401:
        names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        return "" if _has_other_login() else f"wrong user or password (401); fix {names}"
    if error.code == 403 or error.code >= 500:
        text = " ".join(error.read(200).decode("utf-8", "replace").split())
        return f"it answers {error.code}: {text}; ask who runs it"
    return _check_body(error.read(65536))


def _authorization(parts: urllib.parse.SplitResult) -> str | None:
    value = os.environ.get
    user = value("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = value("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    if user and password:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    token = value("MLFLOW_TRACKING_TOKEN")
    return f"Bearer {token}" if token else None


def _has_other_login() -> bool:
    """Return whether MLflow may log in by a way that this check does not know."""
    named = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_CLIENT_CERT_PATH")
    return any(os.environ.get(name) for name in named) or (
        (Path.home() / ".mlflow" / "credentials").exists()
    )


def _tls() -> ssl.SSLContext | None:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() == "true":
        return ssl._create_unverified_context()
    certificate = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=certificate) if certificate else None
