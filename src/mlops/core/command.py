"""Run the programs that deploy: podman, docker, kubectl."""

import subprocess

from mlops.core.errors import DeployError


def run(*words: str, given: str | None = None, hint: str, seconds: int | None = None) -> str:
    """Return what a command printed; raise DeployError with its last lines and a hint."""
    try:
        done = subprocess.run(
            words, input=given, text=True, capture_output=True, check=False, timeout=seconds
        )
    except FileNotFoundError:
        raise DeployError(f"{words[0]} is not on the PATH; install it") from None
    except subprocess.TimeoutExpired:
        raise DeployError(f"`{_shown(words)}` did not end within {seconds} s; {hint}") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise DeployError(f"`{_shown(words)}` failed: {' '.join(lines[-3:])}; {hint}")
    return done.stdout.strip()


def _shown(words: tuple[str, ...]) -> str:
    return " ".join(words[:4])
