"""Whether requests are kept, as variables say: a Bento is the same with the log and without.

Reads: REQUEST_LOG, REQUEST_LOG_TEXTS, REQUEST_LOG_SAMPLE, REQUEST_LOG_SPOOL_MB,
    REQUEST_LOG_SECONDS, REQUEST_LOG_KEY, REQUEST_LOG_ROLE_HEADER,
    MODEL_VERSION
"""

import os
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry

from mlops.serving.request_log.counts import Counts
from mlops.serving.request_log.lines import Kept
from mlops.serving.request_log.log import RequestLog
from mlops.serving.request_log.spool import Spool
from mlops.serving.settings import FolderError, Model


def open_log(model: Model, registry: CollectorRegistry = REGISTRY) -> RequestLog | None:
    """Return the log that REQUEST_LOG asks for; nothing where it is not set."""
    counts, given = Counts(registry), os.environ
    if not given.get("REQUEST_LOG"):
        return None
    kept = Kept(
        tuple(model.signature.labels),
        {
            "version": given.get("MODEL_VERSION") or str(model.serving.info["version"]),
            "model_sha256": model.signature.model_sha256,
        },
        texts=given.get("REQUEST_LOG_TEXTS") == "1",
        key=given.get("REQUEST_LOG_KEY", "").encode(),
        role_header=given.get("REQUEST_LOG_ROLE_HEADER", "").lower().encode(),
    )
    max_bytes = round(_number(given, "REQUEST_LOG_SPOOL_MB", 512) * 1e6)
    seconds = _number(given, "REQUEST_LOG_SECONDS", 300)
    spool = Spool(_folder(given["REQUEST_LOG"]), max_bytes, seconds)
    return RequestLog(kept, spool, counts, _number(given, "REQUEST_LOG_SAMPLE", 1))


def _folder(name: str) -> Path:
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderError(f"REQUEST_LOG: {folder} cannot be made ({error.strerror})") from None
    if not os.access(folder, os.W_OK):
        raise FolderError(f"REQUEST_LOG: {folder} cannot be written; mount a volume there")
    return folder


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(given.get(name) or default)
    except ValueError:
        raise FolderError(f"{name}: expected a number, found {given[name]!r}") from None
