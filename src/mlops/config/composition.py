"""The door to Hydra: put the files of conf/ together and resolve their references.

Reads: conf/, the environment
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)

from hydra_plugins.shell_variables import rewrite
from mlops.config.keys import Key
from mlops.config.origin import around, clash, layers
from mlops.config.overrides import Override
from mlops.core.errors import ConfigError
from mlops.core.names import CONF, GROUPS, check

GROUP_KEYS = {"env": "env", "experiment": "experiment@_global_", "model": "model"}
RAISED = "ConfigError raised while resolving interpolation: "


class Composition(NamedTuple):
    """What Hydra made."""

    values: dict[str, Any]
    broken: dict[Key, str]  # keys without a value, and why
    choices: dict[str, str]  # the file that was taken for each group


def composed(choices: Mapping[str, str], overrides: Sequence[Override]) -> Composition:
    """Compose the chosen files and the overrides of SET."""
    words = [f"{GROUP_KEYS[group]}='{name}'" for group, name in choices.items()]
    # `++` takes a key that conf/ lacks, too: the schema knows a better answer than Hydra.
    words += [f"++{word.key}={_quoted(rewrite(word.value))}" for word in overrides]
    try:
        with initialize_config_dir(str(CONF.absolute()), version_base="1.3"):
            config = compose("config", words, return_hydra_config=True)
    except OverrideParseException as error:
        raise ConfigError(_unreadable(error)) from None
    except MissingConfigException as error:
        raise _missing(error, choices) from None
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(_uncomposed(error, choices, overrides)) from None
    taken = {group: str(config.hydra.runtime.choices[key]) for group, key in GROUP_KEYS.items()}
    broken: dict[Key, str] = {}
    values = {key: _resolved(config, key, (), broken) for key in config if key != "hydra"}
    return Composition(_without(values), broken, taken)


def choices(word: Override) -> list[str]:
    """Return the values that a word of a sweep names: `a,b`, `range(1,4)`; else the one it has."""
    try:
        parsed = OverridesParser.create().parse_override(f"{word.key}={word.value}")
        values = parsed.sweep_string_iterator() if parsed.is_sweep_override() else [word.value]
        return [str(value) for value in values]
    except (HydraException, NotImplementedError, ValueError) as error:
        raise ConfigError(
            f"OVER: {word.key}: expected values separated by commas, found {word.value!r} "
            f"({str(error).splitlines()[0]})"
        ) from None


def _quoted(value: str) -> str:
    """Put a text in quotes if it has signs that Hydra takes only so, as in `Zoë` or `x=y`.

    Without quotes Hydra cuts blanks at the ends, and makes one backslash of two.
    """
    if value.startswith(("[", "{", "'", '"')) or not re.search(
        r"[^\w\s/\\+.$%*@?|:,(){}'\"-]|[^ -~]|^\s|\s$|\\\\", value
    ):
        return value
    return QuotedString(value, Quote.single).with_quotes()


class _Absent:
    """Stands for a value that could not be resolved."""


def _resolved(node: DictConfig | ListConfig, step: Any, above: Key, broken: dict[Key, str]) -> Any:
    key = (*above, step)
    try:
        if OmegaConf.is_missing(node, step):
            broken[key] = "expected a value, found ???"
            return _Absent
        value = node[step]
    except OmegaConfBaseException as error:
        broken[key] = _unresolved(error)
        return _Absent
    if isinstance(value, DictConfig):
        return _without({child: _resolved(value, child, key, broken) for child in value})
    if isinstance(value, ListConfig):
        return [_resolved(value, index, key, broken) for index in range(len(value))]
    return value


def _without(values: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in values.items() if value is not _Absent}


def _unresolved(error: OmegaConfBaseException) -> str:
    """Tell why a reference has no value."""
    # Of an error inside a resolver OmegaConf keeps only the text.
    reason = str(error).splitlines()[0]
    if reason.startswith(RAISED):
        return reason.removeprefix(RAISED)
    if variable := re.search(r"Environment variable '(\w+)' not found", reason):
        name = variable[1]
        return f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
    if isinstance(error, InterpolationKeyError | UnsupportedInterpolationType):
        return (
            f"expected ${{NAME}}, ${{NAME:-default}} (environment variables, in capitals) "
            f"or ${{section.key}}, found another reference ({reason})"
        )
    return reason


def _unreadable(error: OverrideParseException) -> str:
    word = error.override.removeprefix("++")[:80]
    reason = error.message.splitlines()[0][:80]
    return (
        f"SET: expected key=value, found {word!r} ({reason}); "
        'a text with special characters needs quotes inside quotes: SET="key=\'\\"a, b\\"\'"'
    )


def _uncomposed(error: Exception, choices: Mapping[str, str], overrides: Sequence[Override]) -> str:
    """Tell what does not fit together, and where as far as Hydra says it."""
    reason = " ".join(f"{error.__cause__ or error}".split())
    if sweep := re.search(r"(?:Ambiguous value for argument|Sweep parameters) '\+*(.*?)'", reason):
        return (
            f"SET: expected one value, found {sweep[1]!r}; write a list as [a,b], quote a text "
            "with a comma, and sweep with `make sweep OVER=...`"
        )
    origins = layers({"model": "", **choices}, overrides)
    if clashing := clash(origins):
        return clashing
    reason, _, key = reason.removesuffix(" object_type=dict").partition(" full_key: ")
    if key:
        reason = re.sub(r"Cannot merge (\w+) with (\w+)", r"expected \1, found \2", reason)
        for hydra, ours in (("DictConfig", "a section"), ("ListConfig", "a list")):
            reason = reason.replace(hydra, ours)
        return f"{around(origins, tuple(key.split('.'))).place}: {key}: {reason}"
    names = " ".join(f"{group}={name}" for group, name in choices.items())
    return f"{CONF} cannot be composed for {names}: {reason}"


def _missing(error: MissingConfigException, choices: Mapping[str, str]) -> ConfigError:
    """Tell which file names something that does not exist."""
    group, _, name = (error.missing_cfg_file or "").partition("/")
    if group not in GROUPS:
        return ConfigError(" ".join(str(error).split()))
    files = [CONF / "experiment" / f"{choices['experiment']}.yaml", *CONF.rglob("*.yaml")]
    for path in files:
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            if re.search(rf"[\s:\[-]{re.escape(name)}['\"]?\s*(#.*|,.*|\].*)?$", line):
                return _unknown(group, name, f"{path}:{number}")
    return _unknown(group, name, str(CONF))


def _unknown(group: str, name: str, place: str) -> ConfigError:
    try:
        check(group, name, place)
    except ConfigError as error:
        return error
    return ConfigError(f"{place}: {group}/{name} cannot be read")
