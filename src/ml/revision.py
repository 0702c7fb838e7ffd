"""Which code a run was made by."""

import os
import subprocess


def tags() -> dict[str, str]:
    """Return the Git commit, whether the work tree differs from it, and the DVC experiment."""
    found = {
        "git.commit": _git("rev-parse", "HEAD"),
        "git.branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "git.dirty": "yes" if _git("status", "--porcelain", "--untracked-files=no") else "no",
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
    }
    return {name: value for name, value in found.items() if value}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a project without Git can still train
    return done.stdout.strip() if done.returncode == 0 else ""
