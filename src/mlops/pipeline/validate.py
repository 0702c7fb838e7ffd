"""Check experiments in the environments, without running or writing anything.

Reads: conf/, the variables EXP, ENV and SET
"""

import os
import re
import sys
from pathlib import Path

from mlops.config.schema import Params
from mlops.core import names
from mlops.core.errors import ConfigError, run
from mlops.pipeline.compose import compose


def wanted(exp: str, env: str) -> list[tuple[str, str]]:
    """Pair the experiments with the environments; an empty name means all of them."""
    experiments = [exp] if exp else names.options("experiment")
    environments = [env] if env else names.options("env")
    return [(one, where) for one in experiments for where in environments]


def check(exp: str, env: str, overrides: str = "") -> tuple[bool, str]:
    """Return whether an experiment is fit for an environment, and what is wrong with it."""
    try:
        params = compose(env, exp, overrides)
    except ConfigError as error:
        return False, f"{exp} in {env}: {error}"
    return True, "\n".join([f"{exp} in {env}: ok", *warnings(params)])


def warnings(params: Params) -> list[str]:
    """Return what is allowed but unwise."""
    name = params.model.pretrained
    if not name or params.model.revision or Path(name).exists() or not _on_hub(name):
        return []
    return [
        f"  warning: model.pretrained: {name} without model.revision may change under your feet; "
        "pin the commit that its page on the hub shows"
    ]


def _on_hub(name: str) -> bool:
    return re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name) is not None


def main() -> None:
    """Check what EXP and ENV name, or everything."""
    exp = names.asked_experiment(sys.argv[1] if len(sys.argv) > 1 else None)
    if not exp and (left := names.strays()):
        raise ConfigError("\n".join(map(names.moved, left)))
    if exp:
        names.check("experiment", exp, "EXP")  # once, not for each environment
    pairs = wanted(exp, os.environ.get("ENV") or "")
    verdicts = [check(*pair, os.environ.get("SET") or "") for pair in pairs]
    sys.stdout.writelines(f"{text}\n" for _, text in verdicts)
    failed = sum(not good for good, _ in verdicts)
    if failed:
        raise ConfigError(f"{failed} of {len(verdicts)} configurations are invalid")


if __name__ == "__main__":
    run(main)
