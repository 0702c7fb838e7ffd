"""What only the installed environment knows; run in it by the doctor, one probe a process.

Reads: the name of the probe as argument, ENV, EXP, SET, conf/, the usual AWS variables
"""

import json
import platform
import sys

from mlops.core.environment import asked
from mlops.core.errors import run


def packages() -> str:
    """Import what each command needs, of which a broken installation lacks something."""
    import dvc  # noqa: F401, PLC0415, TID251
    import hydra  # noqa: F401, PLC0415, TID251
    import pydantic  # noqa: F401, PLC0415
    import yaml  # noqa: F401, PLC0415

    return f"Python {platform.python_version()}"


def configuration() -> str:
    """Compose."""
    from mlops.pipeline import compose  # noqa: PLC0415

    return json.dumps(compose.asked().model_dump())


def cuda() -> str:
    """Count the GPUs that torch sees."""
    import torch  # noqa: PLC0415

    return str(torch.cuda.device_count())


def bucket() -> str:
    """Ask the environment's remote for one object."""
    from mlops.storage import remote  # noqa: PLC0415

    remote.check(asked())
    return remote.get_address(asked())


PROBES = {probe.__name__: probe for probe in (packages, configuration, cuda, bucket)}


def main() -> None:
    """Print what the probe says."""
    sys.stdout.write(PROBES[sys.argv[1]]())


if __name__ == "__main__":
    run(main)
