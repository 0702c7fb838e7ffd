"""The words of make, and the table of docs/commands.md by them and the commands of `ml`.

Run: `python tests/mlops/support/commands_page.py` writes it
"""

import re
from pathlib import Path

from mlops.cli.commands import COMMANDS, GROUPS, VARIABLES

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "commands.md"
BEGIN = "<!-- commands: python tests/mlops/support/commands_page.py -->\n"
END = "<!-- end of the commands -->\n"
# Where more is said of a group.
READ = {
    "": "pipeline.md", "data": "storage.md", "release": "release.md", "lineage": "lineage.md",
    "operate": "operate.md", "config": "change.md", "template": "update.md", "ci": "ci.md",
}  # fmt: skip


def words_of_make(*names: str) -> list[str]:
    """Return the commands that files of make define, in their order."""
    texts = [(ROOT / name).read_text("utf-8") for name in names]
    return [word for text in texts for word in re.findall(r"^\.PHONY: ([a-z0-9-]+)$", text, re.M)]


def word_of(name: str) -> str:
    """Return the word of make for a command of `ml`."""
    text = (ROOT / "Makefile").read_text("utf-8")
    module = COMMANDS[name].module
    called = rf"@ml {name}|ml {name}$|-m {re.escape(module)}$|{module.replace('.', '/')}\.py$"
    found = re.search(rf"^([a-z0-9-]+):[^\n]*\n(?:\t[^\n]*\n)*?\t[^\n]*(?:{called})", text, re.M)
    assert found, name
    return found[1]


def row(name: str) -> str:
    """Return the row of a command."""
    command = COMMANDS[name]
    told = {"argument": "{0}", "flag": "{0}=1", "flag or value": "{0}=1"}
    options = " ".join(
        told.get(VARIABLES[one].kind, "{0}=").format(one) for one in command.variables.split()
    )
    variables = f" {options}" if options else ""
    return f"| `make {word_of(name)}` | `ml {name}` |{variables} | {command.help} |\n"


def table() -> str:
    """Return all groups."""
    parts = []
    for group, text in {"": "Every day", **GROUPS}.items():
        names = [name for name in COMMANDS if name.rpartition(" ")[0] == group]
        title = f"\n## {text}\n\nMore: [{READ[group]}]({READ[group]}).\n\n"
        head = "| make | ml | takes | what it does |\n|---|---|---|---|\n"
        parts.append(title + head + "".join(map(row, names)))
    return "".join(parts) + "\n"


def page() -> str:
    """Return the page as it must be."""
    text = PAGE.read_text("utf-8")
    return text.partition(BEGIN)[0] + BEGIN + table() + END + text.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
