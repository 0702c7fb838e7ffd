"""Lint what CI runs, as strictly as the hosts that will read it, and look for secrets.

Also the files of conf/, by the schemas that editors check them with.

Reads: .github/, .gitlab-ci.yml, .gitlab/, conf/, the files that Git knows, .secrets.baseline
"""

import os
import subprocess
import sys
from pathlib import Path

from mlops.ci import secrets
from mlops.config import json_schema
from mlops.core.errors import ConfigError, run

TOOLS = Path(".venv/ci/bin")


def workflows() -> list[str]:
    """Return the workflows of GitHub."""
    return sorted(map(str, Path(".github/workflows").glob("*.yml")))


def actions() -> list[str]:
    """Return the actions of this repository."""
    return sorted(map(str, Path(".github/actions").glob("*/action.yml")))


def gitlab() -> list[str]:
    """Return the pipeline of GitLab and what it includes."""
    return [".gitlab-ci.yml", *sorted(map(str, Path(".gitlab").glob("*.yml")))]


def scripts() -> list[str]:
    """Return the shell scripts that Git knows, by their first line."""
    listed = subprocess.run(["git", "ls-files", "-z"], text=True, capture_output=True, check=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name and Path(name).is_file()]
    starts = (b"#!/usr/bin/env bash", b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env sh")
    return [str(path) for path in paths if path.read_bytes().startswith(starts)]


def commands() -> list[list[str]]:
    """Return the linters and what each reads."""
    check = ["check-jsonschema", "--quiet"]
    vendor = [*check, "--builtin-schema"]
    conf = [
        ["--schemafile", str(one), *map(str, json_schema.files(one))] for one in json_schema.FILES
    ]
    return [
        ["actionlint", "-no-color", *workflows()],  # it calls shellcheck for each step
        ["shellcheck", "--severity=warning", *scripts()],
        ["zizmor", "--offline", "--no-progress", "--quiet", *workflows(), *actions()],
        [*vendor, "vendor.github-workflows", *workflows()],
        [*vendor, "vendor.github-actions", *actions()],
        [*vendor, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *gitlab()],
        *([*check, *words] for words in conf),
    ]


def main() -> None:
    """Run all of them; one that finds something makes this fail."""
    path = f"{TOOLS.resolve()}{os.pathsep}{os.environ['PATH']}"
    failed = []
    for name, *arguments in commands():
        done = subprocess.run(
            [str(TOOLS / name), *arguments], env={**os.environ, "PATH": path}, check=False
        )
        if done.returncode:
            failed.append(name)
    if places := secrets.found():
        sys.stdout.write("\n".join([*places, ""]))
        failed.append("detect-secrets")
    if failed:
        raise ConfigError(
            f"what CI runs should be without a finding, but {', '.join(dict.fromkeys(failed))} "
            "found what stands above; mend it. What only looks like a secret gets the comment "
            "`pragma: allowlist secret`"
        )
    sys.stdout.write(f"{len(workflows())} workflows, {len(scripts())} scripts: no finding\n")


if __name__ == "__main__":
    run(main)
