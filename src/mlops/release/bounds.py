"""The bounds that qa and prod judge by: conf/ as committed, whatever the work tree or SET says.

Reads: conf/ of the commit that is checked out, EXP, the variables that conf/ refers to
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from mlops.config.schema import Params
from mlops.core import hashing
from mlops.core.checks import Check
from mlops.core.errors import ConfigError, DeployError, GateError
from mlops.core.names import asked_experiment, options
from mlops.pipeline.compose import compose
from mlops.release import committed
from mlops.release.versions.registry import Version
from mlops.release.work_tree import same

DEFAULT = "default"
LIBERAL = "dev"  # where nothing is deployed from, the values of the work tree count
JUDGES = ("gate", "evaluate", "export")
# What decides which rows a model is tested on and what is measured there.
MEASURES = ("data", "prepare", "evaluate", "export", "mlflow.registered_model")
BOUNDS, DIGEST, EXPERIMENT = "gate.bounds", "gate.bounds.sha256", "gate.experiment"


@dataclass(frozen=True)
class Rules:
    """What a version is judged by."""

    params: Params
    experiment: str = ""
    commit: str = ""
    differs: tuple[str, ...] = ()  # values that it was measured with otherwise
    ignored: tuple[str, ...] = ()  # bounds of the work tree, which do not count

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of the version."""
        values = _plain(self.params)
        found = {BOUNDS: json.dumps(values["gate"]), DIGEST: digest(self.params)}
        origin = {EXPERIMENT: self.experiment, "gate.commit": self.commit}
        return found | {name: value for name, value in origin.items() if value}

    def checks(self, version: Version) -> Iterator[Check]:
        """Yield whether a version was made here, and measured as the committed conf/ says."""
        if self.commit:
            here, made = self.params.environment, version.tags.get("environment", "unknown")
            yield Check("environment", made == here, made, here)
            wanted = f"conf/ of commit {self.commit[:12]}, experiment {self.experiment}"
            found = "; ".join(self.differs) or "as committed"
            yield Check("measured by", not self.differs, found, wanted)

    @property
    def lines(self) -> list[str]:
        """Return a note for each bound that is not the committed one."""
        return [f"params.yaml is ignored here: {one}" for one in self.ignored]


def digest(params: Params) -> str:
    """Return a hash of all that a model is judged by."""
    values = _plain(params)
    return hashing.text(json.dumps({name: values[name] for name in JUDGES}, sort_keys=True))


def measured(params: Params) -> str:
    """Return a hash of all that decides on which rows a model is tested, and what is measured."""
    values = _plain(params)
    heads = sorted({name.partition(".")[0] for name in MEASURES} - {"mlflow"})
    return hashing.text(json.dumps({name: values[name] for name in heads}, sort_keys=True))


def find_rules(params: Params, made: Mapping[str, Any]) -> Rules:
    """Return the rules for a version that was made with these values."""
    if params.environment == LIBERAL:
        return Rules(params)
    with committed.conf() as commit:
        experiment, found = _experiment(params.environment, commit, made)
    wanted = _plain(found)
    return Rules(
        found,
        experiment,
        commit,
        tuple(_differing(made, wanted, MEASURES)),
        tuple(_differing(_plain(params), wanted, ("gate",))),
    )


def check(version: Version, environment: str) -> None:
    """Refuse to deploy what was judged by other bounds than those that are committed now."""
    if environment == LIBERAL:
        return
    tags = version.tags
    if tags.get("environment") != environment:
        where = tags.get("environment", "an unknown environment")
        raise DeployError(f"{version} was made in {where}; `make train ENV={environment}` first")
    again = f"run `make gate ENV={environment}` again"
    if DIGEST not in tags:
        raise DeployError(f"{version} has no record of the bounds of its gate; {again}")
    with committed.conf() as commit:
        name = tags.get(EXPERIMENT, DEFAULT)
        found = _composed(environment, name, commit)
    if digest(found) == tags[DIGEST]:
        return
    was = {"gate": json.loads(tags.get(BOUNDS, "{}"))}
    others = [*_differing(was, _plain(found), ("gate",))] or ["evaluate or export differ"]
    raise DeployError(
        f"{version} was accepted with other bounds than conf/ of commit {commit[:12]} has: "
        f"{', '.join(others)}; {again}"
    )


def _experiment(environment: str, commit: str, made: Mapping[str, Any]) -> tuple[str, Params]:
    """Return the experiment that EXP names, else the committed one that made most likely these."""
    name = asked_experiment()
    if name and name != DEFAULT:  # which make says where nobody names one
        return name, _composed(environment, name, commit)
    best: tuple[tuple[int, int], str, Params] | None = None
    for name in sorted(options("experiment"), key=lambda one: (one != DEFAULT, one)):
        try:
            found = _composed(environment, name, commit)
        except GateError:
            continue
        wanted = _plain(found)
        rank = (_count(made, wanted, *MEASURES, "model", "training"), _count(made, wanted, "gate"))
        if best is None or rank < best[0]:
            best = (rank, name, found)
        if rank == (0, 0):
            break
    return best[1:] if best else (DEFAULT, _composed(environment, DEFAULT, commit))


def _count(made: Any, wanted: Any, *keys: str) -> int:
    return sum(1 for _ in _differing(made, wanted, keys))


def _composed(environment: str, name: str, commit: str) -> Params:
    try:
        return compose(environment, name)
    except ConfigError as error:
        raise GateError(
            f"the gate of {environment} uses conf/ of commit {commit[:12]}, which is not valid: "
            f"{error}"
        ) from None


def _plain(params: Params) -> dict[str, Any]:
    """Return the values as params.yaml has them."""
    values: dict[str, Any] = yaml.safe_load(yaml.safe_dump(params.model_dump()))
    return values


def _differing(made: Any, wanted: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """Yield where values differ from those that are wanted, below some keys."""
    for key in keys:
        one, other = made, wanted
        for step in key.split("."):
            one, other = (x.get(step) if isinstance(x, Mapping) else None for x in (one, other))
        yield from _compared(key, one, other)


def _compared(key: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}, key=str):
            yield from _compared(f"{key}.{name}", one.get(name), other.get(name))
    elif not same(one, other):
        yield f"{key} is {_short(one)}, committed is {_short(other)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
