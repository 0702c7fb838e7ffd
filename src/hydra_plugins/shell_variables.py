"""Let Hydra understand the shell's way to write variables: `${DATA_PATH}`, `${BATCH_SIZE:-32}`.

Both compositions find this plugin: ours (mlops.pipeline.compose) and the one inside `dvc exp run`.

Reads: conf/, the environment
"""

import os
import re
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.config_source import ConfigLoadError, ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import Node, OmegaConf

# Private, but the only way to read a value exactly as Hydra does (3e-5 is a number, a date a text).
from omegaconf._utils import get_yaml_loader
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc

from mlops.config.yaml_file import mapping, read
from mlops.core.errors import ConfigError
from mlops.core.names import CONF
from mlops.core.urls import CURE, secret, secret_variable

# A default may itself hold variables: ${A:-${B:-1}}. `\${A}` stays as it is.
VARIABLE = re.compile(r"(?<!\\)\$\{([A-Z_][A-Z0-9_]*)(?::-((?:[^{}\n]|\$\{[^{}\n]*\})*))?\}")

# What a variable's text may be beside text: 007, 1_000, 12:30, 0x10, yes and ~ are texts.
CONSTANTS = {"": None, "null": None, "true": True, "True": True, "false": False, "False": False}
NUMBER = re.compile(r"[-+]?(?=\.?[0-9])(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
EXPERIMENTS = CONF / "experiment"
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def rewrite(text: str) -> str:
    """Turn shell variables into calls of the resolver `shell`.

    The default goes as hexadecimal digits: OmegaConf's grammar takes few characters unquoted, and
    quotes would clash with those of the YAML around.
    """

    def call(match: re.Match[str]) -> str:
        name, default = match.groups()
        return f"${{shell:{name}}}" if default is None else f"${{shell:{name},x{_hex(default)}}}"

    return VARIABLE.sub(call, text)


def variable(name: str, default: str | None = None) -> str:
    """Return an environment variable's text; as in the shell, an empty one gives the default."""
    if text := os.environ.get(name):
        return public(name, text)
    if default is None:
        state = "empty" if name in os.environ else "not set"
        raise ConfigError(
            f"the environment variable {name} is {state}; set it ({name}=... before the command) "
            f"or write a default: ${{{name}:-value}}"
        )
    return VARIABLE.sub(lambda match: variable(*match.groups()), default)


def public(name: str, text: str) -> str:
    """Refuse a secret here: `dvc exp run` writes params.yaml before anybody checks it."""
    if what := "a secret, as its name says" if secret_variable(name) else secret(text):
        raise ConfigError(f"expected no credentials, {name} holds {what}; {CURE}")
    return text


def plain_variable(name: str, *default: str | None) -> str | None:
    """Do what `oc.env` does, for variables that hold no secret."""
    text = oc.env(name, *default)
    return public(name, text) if name in os.environ and text else text


def scalar(text: str) -> str | int | float | bool | None:
    """Return the number, truth value or null that a text is as a whole; any other as it stands.

    What would be one of these stays text in quotes: "7". Nothing else is YAML here: a `#`, a colon
    or a bracket in a path or a sentence is a character.
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if number := NUMBER.fullmatch(text):
        whole = number[2] is None and number[3] is None and len(text) < 300
        return int(text) if whole else float(text)
    inner = text[1:-1]
    return inner if QUOTED.fullmatch(text) and not isinstance(scalar(inner), str) else text


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _resolve(name: str, default: str | None = None, *, _node_: Node) -> Any:
    written = default and bytes.fromhex(default[1:]).decode("utf-8", "surrogatepass")
    text = variable(name, written)
    # Within a longer text (`v${VERSION}`) the characters count: 1.10 is not 1.1.
    if not re.fullmatch(r"\$\{[^{}]*\}", str(_node_._value())):
        return text
    if written and QUOTED.fullmatch(written) and not os.environ.get(name):
        return variable(name, written[1:-1])  # in a file quotes stand around a default
    return scalar(text)


class ShellConfigSource(FileConfigSource):
    """Files of conf/, their shell variables rewritten before they are parsed."""

    @staticmethod
    def scheme() -> str:
        """Return the name under which Hydra finds this source."""
        return "shell"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one file; its mistakes are reported with file and line."""
        full_path = Path(self.path, self._normalize_file_name(config_path))
        if not full_path.exists():
            raise ConfigLoadError(f"Config not found : {full_path}")
        path = Path(os.path.relpath(full_path))
        text = read(path)
        values = mapping(path, rewrite(text), get_yaml_loader())
        if path.is_relative_to(EXPERIMENTS):
            # Whoever reads params.yaml knows it, whichever of the two compositions wrote that.
            values["experiment"] = path.relative_to(EXPERIMENTS).with_suffix("").as_posix()
        try:
            if isinstance(values.get("defaults"), list):
                values["defaults"] = [_chosen(entry) for entry in values["defaults"]]
            config = OmegaConf.create(values)
        except OmegaConfBaseException as error:
            raise ConfigError(_bad_reference(path, text, error)) from None
        return ConfigResult(
            provider=self.provider,
            path=f"{self.scheme()}://{self.path}",
            config=config,
            header=self._get_header_dict(text[:512]),
        )


class ShellVariables(SearchPathPlugin):
    """Have Hydra read its main folder through `ShellConfigSource`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Replace the scheme of the main folder."""
        for element in search_path.get_path():
            folder = element.path.removeprefix("file://")
            if element.provider == "main" and "://" not in folder:
                element.path = f"shell://{folder}"


def _chosen(entry: Any) -> Any:
    """Put in the variables of a defaults list at once.

    Hydra refuses `override /model: bert` in an experiment that it reached through a reference, and
    EXP is one.
    """
    if not isinstance(entry, dict):
        return entry
    return {
        key: str(OmegaConf.create({"choice": name}).choice)
        if str(name).startswith(("${oc.env:", "${shell:"))
        else name
        for key, name in entry.items()
    }


def _bad_reference(path: Path, text: str, error: OmegaConfBaseException) -> str:
    reason = str(error).splitlines()[0]
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            OmegaConf.create({"line": rewrite(line.split(" #")[0])})
        except OmegaConfBaseException:
            return (
                f"{path}:{number}: expected ${{NAME}}, ${{NAME:-default}} or ${{section.key}}, "
                f"found `{line.strip()}` ({reason}); write \\${{ for the bare characters"
            )
    return f"{path}: {reason}"


OmegaConf.register_new_resolver("shell", _resolve, replace=True)
OmegaConf.register_new_resolver("oc.env", plain_variable, replace=True)
