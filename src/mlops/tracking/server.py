"""Which MLflow store is used, and whether its server answers: told in seconds, without MLflow.

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

PATIENCE = 5  # seconds
PATH = "/api/2.0/mlflow/experiments/search?max_results=1"  # every user may ask this
ADVICE = "set MLFLOW_OFFLINE=1 to record here and bring it there later by `make sync`"


def offline() -> bool:
    """Tell whether runs are recorded here, for a server that gets them later."""
    return os.environ.get("MLFLOW_OFFLINE", "").lower() not in ("", "0", "false", "no")


def embedded(environment: str) -> str:
    """Return the URI of the environment's own store."""
    return f"sqlite:///{paths.mlflow_store(environment) / 'mlflow.db'}"


def uri(environment: str) -> str:
    """Return the store in use: the usual variable's, else the environment's own SQLite file."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    return named if named and not offline() else embedded(environment)


def plain(text: str) -> str:
    """Return a URI, or a sentence with one, without user, password and the project's folder."""
    here = f"sqlite:///{paths.home()}/"
    return urls.plain(text).replace(f"{here}.mlflow/", "sqlite:///.mlflow/")


def known(name: str) -> str:
    """Return how a store is called now, also in a project that was copied or moved."""
    if name == os.environ.get("MLFLOW_TRACKING_URI"):
        return name
    return re.sub(r"^sqlite:///.*/(\.mlflow/(?:dev|qa|prod)/mlflow\.db)$", r"sqlite:///\1", name)


def first_line(error: Exception) -> str:
    """Return what an error says, in one line without a password."""
    return plain(str(error).strip() or type(error).__name__).splitlines()[0]


def check(store: str) -> None:
    """Raise a TrackingError if the store surely cannot be used: away, no MLflow, damaged."""
    database.ready(store)
    parts = urllib.parse.urlsplit(store)
    if parts.scheme not in ("http", "https"):
        return
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(urllib.parse.urlunsplit(bare).rstrip("/") + PATH)
    if authorization := _authorization(parts):
        request.add_header("Authorization", authorization)
    wrong = _ask(request)
    if wrong:
        raise TrackingError(f"MLflow should answer at {plain(store)}, but {wrong}")


def version(store: str) -> str | None:
    """Return the release of the server; None where it does not say."""
    parts = urllib.parse.urlsplit(store)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(f"{urllib.parse.urlunsplit(bare).rstrip('/')}/version")
    if authorization := _authorization(parts):
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, context=_tls()) as answer:
            text = str(answer.read(40).decode("utf-8", "replace")).strip()
    except (OSError, HTTPException):
        return None
    return text if re.fullmatch(r"\d+\.\d+[\w.+-]*", text) else None


def _ask(request: urllib.request.Request) -> str:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE, context=_tls()) as answer:
            return _judge(answer.read())
    except urllib.error.HTTPError as error:
        return _refused(error)
    except (TimeoutError, urllib.error.URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ""  # MLflow may trust what this Python does not
        if isinstance(reason, socket.gaierror):
            return f"nobody knows this host; mend MLFLOW_TRACKING_URI, or {ADVICE}"
        late = f"within {PATIENCE} s nothing came"
        told = late if isinstance(reason, TimeoutError) else str(reason).strip()
        return f"it does not: {told}; start the server or mend MLFLOW_TRACKING_URI, or {ADVICE}"


def _judge(body: bytes) -> str:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    known = {"experiments", "next_page_token", "error_code", "message"}
    if isinstance(found, dict) and found.keys() <= known:
        return ""
    return f"what answers is no MLflow; mend MLFLOW_TRACKING_URI, or {ADVICE}"


def _refused(error: urllib.error.HTTPError) -> str:
    if error.code == 401:
        wrong = "mend MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        return "" if _elsewhere() else f"it does not know this user (401); {wrong}, or {ADVICE}"
    if error.code == 403 or error.code >= 500:
        told = " ".join(error.read(200).decode("utf-8", "replace").split())
        return f"it answers {error.code}: {told}; ask who runs it, or {ADVICE}"
    return _judge(error.read(65536))


def _authorization(parts: urllib.parse.SplitResult) -> str | None:
    asked = os.environ.get
    user = asked("MLFLOW_TRACKING_USERNAME") or urllib.parse.unquote(parts.username or "")
    password = asked("MLFLOW_TRACKING_PASSWORD") or urllib.parse.unquote(parts.password or "")
    if user and password:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    token = asked("MLFLOW_TRACKING_TOKEN")
    return f"Bearer {token}" if token else None


def _elsewhere() -> bool:
    """Tell whether MLflow has ways to be let in that this check does not know."""
    named = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_CLIENT_CERT_PATH")
    return any(os.environ.get(name) for name in named) or (
        (Path.home() / ".mlflow" / "credentials").exists()
    )


def _tls() -> ssl.SSLContext | None:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() == "true":
        return ssl._create_unverified_context()
    certificate = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=certificate) if certificate else None
