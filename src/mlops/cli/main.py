"""The program `ml`, on click: `ml train --env qa`, `ml release deploy --why "..."`, `ml --help`.

An option sets the variable of the same name; nothing that is given is expanded by a shell.
"""

import importlib
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from mlops.cli.commands import COMMANDS, GROUPS, VARIABLES, Command
from mlops.core import names
from mlops.core.errors import run

# With these another Python would run: without docstrings, at a prompt, with another's packages.
FOREIGN = ("PYTHONOPTIMIZE", "PYTHONINSPECT", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONWARNINGS",
           "PYTHONDONTWRITEBYTECODE")  # fmt: skip
CHOICES = {"ENV": "env", "EXP": "experiment"}


class Group(click.Group):
    """A group that knows where a command is that was looked for in the wrong place."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the work."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the one that was probably meant."""
        if self.get_command(ctx, args[0]):
            return super().resolve_command(ctx, args)
        known = {name.split()[-1]: name for name in COMMANDS} | {name: name for name in GROUPS}
        like = names.nearest(args[0], known)
        meant = f" Did you mean `ml {known[like]}`?" if like else ""
        raise click.UsageError(f"unknown command `{names.shown(args[0])}`.{meant}", ctx)


def complete(variable: str) -> Callable[[Any, Any, str], list[CompletionItem]]:
    """Return what offers the names in conf/ that a variable may have."""

    def offer(ctx: Any, parameter: Any, begun: str) -> list[CompletionItem]:
        known = names.options(CHOICES[variable]) if variable in CHOICES else []
        return [CompletionItem(name) for name in known if name.startswith(begun)]

    return offer


def parameter(variable: str) -> click.Parameter:
    """Return the option, or the argument, that sets a variable."""
    found = VARIABLES[variable]
    if found.kind == "argument":
        return click.Argument([variable], required=False)
    ways: dict[str, dict[str, Any]] = {
        "value": {},
        "values": {"multiple": True},
        "flag": {"is_flag": True, "flag_value": "1", "type": str},
        "flag or value": {"is_flag": False, "flag_value": "1"},
    }
    return click.Option(
        [f"--{variable.lower().replace('_', '-')}", variable],
        help=found.help,
        metavar=None if found.kind == "flag" else variable,
        shell_complete=complete(variable),
        **ways[found.kind],
    )


def start(command: Command, given: dict[str, Any]) -> None:
    """Run the module of a command, in the environment that `make` gives it too."""
    for variable, value in given.items():
        if value:
            os.environ[variable.upper()] = shlex.join(value) if isinstance(value, tuple) else value
    here = str(Path(sys.executable).parent)
    if not os.environ["PATH"].startswith(here):
        os.environ["PATH"] = f"{here}:{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = str(Path("src").absolute())
    for name in FOREIGN:
        os.environ.pop(name, None)
    sys.argv = [command.module, *command.argv]
    run(importlib.import_module(command.module).main)


def made(name: str, command: Command) -> click.Command:
    """Return click's form of a command."""
    return click.Command(
        name.rsplit(maxsplit=1)[-1],
        help=f"{command.help}.",
        short_help=command.help,
        params=[parameter(variable) for variable in command.variables.split()],
        callback=lambda **given: start(command, given),
    )


@click.command(short_help="Print the completion for a shell")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print what completes commands and names: eval "$(ml completion bash)"."""
    kind = get_completion_class(shell)
    assert kind
    click.echo(kind(program(), {}, "ml", "_ML_COMPLETE").source())


def program() -> Group:
    """Return the whole program."""
    root = Group(
        "ml",
        help="The commands of this project. The ones of every day are also words of `make`.",
        epilog="Work on the code (install, test, check, format, lock) is in the Makefile.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        commands=[],
    )
    click.version_option(package_name="ml", prog_name="ml")(root)
    groups = {name: Group(name, help=f"{text}.", short_help=text) for name, text in GROUPS.items()}
    for name, command in COMMANDS.items():
        group = groups[name.split()[0]] if " " in name else root
        group.add_command(made(name, command))
    for last in (*groups.values(), completion):
        root.add_command(last)
    return root


def main() -> None:
    """Run what the command line says."""
    root = Path(__file__).parents[3]
    if not Path("dvc.yaml").is_file():
        sys.exit(f"error: no project in {Path.cwd()} (dvc.yaml is missing); first: cd {root}")
    program()(prog_name="ml")


if __name__ == "__main__":
    main()
