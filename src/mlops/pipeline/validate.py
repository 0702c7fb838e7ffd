"""Check experiments in the environments, and look at their data; nothing is written.

Reads: conf/, the variables EXP, ENV and SET, the first rows of local data
"""

import os
import sys
from collections.abc import Iterator, Mapping

from mlops.config.origin import layers
from mlops.config.overrides import chosen, split, values
from mlops.core import names
from mlops.core.errors import ConfigError, run
from mlops.pipeline.compose import compose
from mlops.pipeline.findings import Finding, Findings

Found = Mapping[str, list[Finding]]  # by environment


def check(exp: str, env: str, overrides: str = "", known: Findings | None = None) -> list[Finding]:
    """Return what is wrong or unwise about an experiment in an environment."""
    try:
        params = compose(env, exp, overrides)
    except ConfigError as error:
        return [Finding(f"{error}", wrong=True)]
    words = split(overrides)
    groups = {"model": "", "env": env, "experiment": exp} | chosen(words)
    return (known or Findings()).find(params, layers(groups, values(words)))


def lines(exp: str, found: Found) -> Iterator[str]:
    """Give a line for each thing that is to say, however many environments it is true of."""
    groups: dict[Finding, list[str]] = {}
    for env, findings in found.items():
        for finding in findings:
            groups.setdefault(finding, []).append(env)
    wrong = {env for finding, envs in groups.items() if finding.wrong for env in envs}
    for finding, envs in groups.items():
        if finding.wrong:
            yield f"{exp} ({', '.join(envs)}): {finding.text}"
    if good := [env for env in found if env not in wrong]:
        yield f"{exp} ({', '.join(good)}): ok"
    for finding, envs in groups.items():
        if not finding.wrong:
            yield f"  warning ({', '.join(envs)}): {finding.text}"


def main() -> None:
    """Check what EXP and ENV name, or everything."""
    exp = names.asked_experiment(sys.argv[1] if len(sys.argv) > 1 else None)
    if not exp and (left := names.strays()):
        raise ConfigError("\n".join(map(names.moved, left)))
    if exp:
        names.check("experiment", exp, "EXP")  # once, not for each environment
    env, overrides, known = os.environ.get("ENV") or "", os.environ.get("SET") or "", Findings()
    environments = [env] if env else names.options("env")
    found = {
        name: {one: check(name, one, overrides, known) for one in environments}
        for name in ([exp] if exp else names.options("experiment"))
    }
    for name, one in found.items():
        sys.stdout.writelines(f"{line}\n" for line in lines(name, one))
    pairs = [findings for one in found.values() for findings in one.values()]
    if failed := sum(any(one.wrong for one in findings) for findings in pairs):
        raise ConfigError(f"{failed} of {len(pairs)} configurations are invalid")


if __name__ == "__main__":
    run(main)
