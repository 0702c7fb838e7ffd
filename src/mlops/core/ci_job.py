"""What a job of CI leaves for people and for later jobs.

Writes: the files that GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name, where there are any
"""

import os
from pathlib import Path


def show(text: str) -> None:
    """Show Markdown on the page of the job."""
    _append("GITHUB_STEP_SUMMARY", f"{text}\n")


def hand_on(name: str, value: str) -> None:
    """Give a value to later jobs."""
    _append("GITHUB_OUTPUT", f"{name}={value}\n")


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
