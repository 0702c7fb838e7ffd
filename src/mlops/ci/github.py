"""GitHub's REST API, as much of it as is needed.

Reads: GITHUB_TOKEN, GITHUB_REPOSITORY, GITHUB_API_URL (set by GitHub in every job)
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from mlops.core.errors import HostError

VERSION = "2022-11-28"
PAGE = 100


class GitHub:
    """One repository, on behalf of one token."""

    def __init__(self, repository: str, token: str, api: str) -> None:
        self.repository = repository
        self._token = token
        self._api = api.rstrip("/")

    @classmethod
    def here(cls) -> "GitHub":
        """Return the repository that the variables name."""
        repository, token = (os.environ.get(f"GITHUB_{x}", "") for x in ("REPOSITORY", "TOKEN"))
        if not repository or not token:
            raise HostError(
                "set GITHUB_REPOSITORY (owner/name) and GITHUB_TOKEN; found "
                f"{repository or 'no repository'} and {'a' if token else 'no'} token"
            )
        return cls(repository, token, os.environ.get("GITHUB_API_URL", "https://api.github.com"))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask for a path below the repository; return the answer, None where there is none."""
        place = f"{self._api}/repos/{self.repository}{path}"
        raw = None if body is None else json.dumps(body).encode()
        return self.send(method, place, raw, "application/json")

    def send(self, method: str, place: str, raw: bytes | None, kind: str) -> Any:
        """Ask for an address that GitHub has named."""
        request = urllib.request.Request(
            place,
            data=raw,
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": kind,
                "X-GitHub-Api-Version": VERSION,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code == 404 and method == "GET":
                return None
            reason = error.read().decode("utf-8", "replace")[:500]
            raise HostError(
                f"{method} {place}: GitHub answers {error.code}: {reason}; check the token's "
                "permissions"
            ) from None
        except (OSError, ValueError) as error:
            raise HostError(f"no answer from {place}: {error}") from None

    def pages(self, path: str, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, whole, however many pages it has."""
        page = 1
        while True:
            sign = "&" if "?" in path else "?"
            found: Any = self.call("GET", f"{path}{sign}per_page={PAGE}&page={page}") or {}
            items = found.get(key, []) if key else list(found)
            yield from items
            if len(items) < PAGE:
                return
            page += 1
