"""The environment that a command acts on.

Reads: ENV, conf/env
"""

import os

from mlops.core.errors import run
from mlops.core.names import CONF, check


def asked() -> str:
    """Return the environment that ENV names, `dev` without it; one that conf/ lacks is refused."""
    name = os.environ.get("ENV") or "dev"
    expect(name)
    return name


def expect(name: str) -> None:
    """Refuse an environment that conf/ lacks; outside of a project nobody knows the names."""
    if (CONF / "env").is_dir():
        check("env", name, "ENV")


if __name__ == "__main__":
    run(lambda: expect(os.environ.get("ENV") or "dev"))
