"""Ask programs and servers, and wait a few seconds at the most."""

import subprocess
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import NamedTuple

SECONDS = 4


class Answer(NamedTuple):
    """What a program or a server said."""

    good: bool
    text: str  # all of stdout or of the body; of a failure its last line


def program(*words: str, seconds: float = SECONDS) -> Answer | None:
    """Run a program; return nothing if it is not there."""
    try:
        done = subprocess.run(words, text=True, capture_output=True, check=False, timeout=seconds)
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        return Answer(False, f"`{' '.join(words[:3])}` did not respond within {seconds:g} s")
    if done.returncode:
        return Answer(False, ((done.stderr or done.stdout).strip().splitlines() or ["no word"])[-1])
    return Answer(True, done.stdout.strip())


def server(url: str) -> Answer:
    """Ask a web server; an answer like 404 is one."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return Answer(True, answer.read(10_000).decode("utf-8", "replace").strip())
    except urllib.error.HTTPError as error:
        return Answer(True, str(error.code))
    except (OSError, HTTPException, ValueError) as error:
        return Answer(False, str(getattr(error, "reason", error)))
