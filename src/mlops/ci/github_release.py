"""Make a release on GitHub of the notes that `make release-notes` has written.

Run again for the same tag, it writes the release anew.

Reads: reports/release/, TAG, GITHUB_TOKEN, GITHUB_REPOSITORY
Writes: the release and its files
"""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlops.ci.github import GitHub
from mlops.ci.release_notes import FOLDER
from mlops.core.errors import HostError


def release(github: GitHub, tag: str, text: str) -> dict[str, Any]:
    """Return the release of a tag, made or written anew."""
    body = {"tag_name": tag, "name": tag, "body": text[:100_000]}
    found = github.call("GET", f"/releases/tags/{quote(tag, safe='')}")
    if found:
        changed: dict[str, Any] = github.call("PATCH", f"/releases/{found['id']}", body)
        return changed
    made: dict[str, Any] = github.call("POST", "/releases", body)
    return made


def upload(github: GitHub, made: dict[str, Any], path: Path) -> None:
    """Attach a file to a release, in place of one of the same name."""
    for asset in made["assets"]:
        if asset["name"] == path.name:
            github.call("DELETE", f"/releases/assets/{asset['id']}")
    place = made["upload_url"].partition("{")[0]
    github.send(
        "POST", f"{place}?name={quote(path.name)}", path.read_bytes(), "application/octet-stream"
    )


def main() -> None:
    """Publish."""
    tag, notes = os.environ.get("TAG", ""), FOLDER / "notes.md"
    if not tag or not notes.exists():
        raise HostError(
            f"TAG is missing, or {notes} is (TAG={tag or ''}); "
            "make release-notes TAG=v1.0, then make tell WHAT=release TAG=v1.0"
        )
    github = GitHub.here()
    made = release(github, tag, notes.read_text(encoding="utf-8"))
    files = sorted(path for path in FOLDER.iterdir() if path != notes)
    for path in files:
        upload(github, made, path)
    sys.stdout.write(f"{made['html_url']}: notes and {len(files)} files\n")
