"""Write the DVC remote of each environment, as conf/ names it, into .dvc/config.

Reads: conf/
Writes: .dvc/config
"""

import configparser
import io
from pathlib import Path

from mlops.core.errors import run
from mlops.core.names import options
from mlops.storage.remote import get_address

CONFIG = Path(".dvc/config")


def render_config(text: str) -> str:
    """Return DVC's configuration with the remotes of conf/ instead of those that it has.

    `verify`: what comes from there is hashed before it gets into the cache.
    """
    found = configparser.ConfigParser()
    found.read_string(text)
    for section in found.sections():
        if section.startswith("'remote "):
            found.remove_section(section)
    for name in options("env"):
        found[f"'remote \"{name}\"'"] = {"url": get_address(name), "verify": "true"}
    out = io.StringIO()
    for section in found.sections():
        out.write(f"[{section}]\n")
        out.writelines(f"    {key} = {value}\n" for key, value in found[section].items())
    return out.getvalue()


def main() -> None:
    """Write the remotes."""
    CONFIG.write_text(render_config(CONFIG.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    run(main)
