"""Whether a model of the Hugging Face hub can be had from here: known in seconds, without retries.

Reads: HF_ENDPOINT, HF_HUB_OFFLINE, HF_HOME, HF_HUB_CACHE, the cache of the hub
"""

import os
import re
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

HUB = "https://huggingface.co"
SECONDS = 2.5  # for all addresses of its name together: enough for a warning
PATIENCE = 10.0  # before a run ends for it: a slow proxy is no missing hub
CURE = (
    "check the network and HF_ENDPOINT, name a local folder (model.pretrained), or train without "
    'the hub: SET="model=tiny"'
)
NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")  # of a repository; any other name is a path
YES = ("1", "true", "yes", "on")


def missing(name: str | None, revision: str | None, seconds: float = SECONDS) -> str:
    """Return why a model that has to be downloaded cannot be; nothing where it is here or can."""
    if not name or not NAME.fullmatch(name) or Path(name).exists() or cached(name, revision):
        return ""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in YES:
        return f"{name} has to be downloaded, but HF_HUB_OFFLINE is set"
    reason = silent(f"{address()}/api/models/{name}", seconds)
    return reason and f"{name} has to be downloaded, but {address()} does not answer ({reason})"


def address() -> str:
    """Return where the hub is."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def cached(name: str, revision: str | None) -> bool:
    """Tell whether the hub's cache has a snapshot of a model."""
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    return any(cache.glob(f"models--{name.replace('/', '--')}/snapshots/{revision or '*'}/*"))


def silent(url: str, seconds: float) -> str:
    """Return why a server does not answer; nothing where it does, also with a refusal."""
    said = [f"nothing within {seconds:g} s"]

    def ask() -> None:
        try:
            urllib.request.urlopen(url, timeout=seconds).close()
            said[0] = ""
        except urllib.error.HTTPError:
            said[0] = ""
        except (OSError, HTTPException, ValueError) as error:
            said[0] = str(getattr(error, "reason", error))

    # Names have many addresses, and urllib waits for each of them.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0]
