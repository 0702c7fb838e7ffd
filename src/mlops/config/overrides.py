"""The words of SET: `model=bert training.epochs=3 data.train_path='my data.csv'`."""

import re
import shlex
from typing import NamedTuple

from mlops.core.errors import ConfigError
from mlops.core.names import GROUPS

WORD = re.compile(r"\+{0,2}/?([A-Za-z_][\w.]*)(?:@[\w.]+)?=(.*)", re.DOTALL)


class Override(NamedTuple):
    """One word of SET."""

    key: str
    value: str

    @property
    def path(self) -> tuple[str, ...]:
        """The key as the steps from the top of the configuration."""
        return tuple(self.key.split("."))


def split(text: str, variable: str = "SET") -> list[Override]:
    """Cut SET into its words as a shell would."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"{variable}: expected balanced quotes, found {text[:80]!r} ({error})"
        ) from None
    return [_override(word, variable) for word in words]


def _override(word: str, variable: str) -> Override:
    match = WORD.fullmatch(word)
    if not match:
        raise ConfigError(
            f"{variable}: expected key=value without spaces around `=`, found {word[:80]!r}; "
            f'for example {variable}="model=gpt training.epochs=3"'
        )
    override = Override(*match.groups())
    if override.path[0] == "hydra":
        raise ConfigError(
            f"{variable}: {override.key}: unknown key; Hydra's own settings have no effect here"
        )
    return override


def chosen(overrides: list[Override]) -> dict[str, str]:
    """Return the groups (model, env, experiment) that SET chooses; the last word counts."""
    return {word.key: word.value for word in overrides if word.key in GROUPS}


def values(overrides: list[Override]) -> list[Override]:
    """Return the words that set a value."""
    return [word for word in overrides if word.key not in GROUPS]
