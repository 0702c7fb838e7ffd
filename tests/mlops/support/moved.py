"""Where the modules of earlier releases are now.

Follows the renames that Git finds from commit to commit. A module that was split, with its halves
in the order in which a name is looked for, is written by hand and stays.

Run: `python tests/mlops/support/moved.py` writes src/mlops/template/moved.txt
"""

from clones import call
from common import ROOT
from mlops.template.moves import TABLE, read
from template import release_commits


def module(path: str) -> str:
    """Return the name of a module of src."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__main__").replace("/", ".")


def modules(commit: str) -> set[str]:
    """Return the modules of the project's code in a release."""
    names = call(ROOT, "git", "ls-tree", "-r", "--name-only", commit, "src/ml").split()
    return {module(name) for name in names if name.endswith(".py") and "__init__" not in name}


def today() -> set[str]:
    """Return the modules of this work tree."""
    names = {str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.py")}
    return {module(name) for name in names if "__init__" not in name}


def followed(commit: str) -> dict[str, str]:
    """Return what the modules of a release are called now, by the renames of each commit."""
    log = call(
        ROOT, "git", "log", "--reverse", "--find-renames=40%", "--diff-filter=R",
        "--name-status", "--format=", f"{commit}..HEAD", "--", "src",
    )  # fmt: skip
    now = {name: name for name in modules(commit)}
    for line in log.splitlines():
        _, one, other = line.split("\t")
        for name, place in now.items():
            if place == module(one):
                now[name] = module(other)
    return now


def write() -> None:
    """Write the table anew; lines with several modules, and of packages, stay as they are."""
    found = read(ROOT / TABLE)
    kept = {old for old, new in found.items() if len(new) != 1 or old[-1] == "*"}
    here = today()
    for commit in release_commits(ROOT).values():
        for old, new in followed(commit).items():
            if old not in kept and old not in here and new in here:
                found[old] = [new]
    comments = [line for line in (ROOT / TABLE).read_text().splitlines() if line.startswith("#")]
    lines = [" ".join([old, *new]) for old, new in sorted(found.items())]
    (ROOT / TABLE).write_text("\n".join([*comments, *lines, ""]))


if __name__ == "__main__":
    write()
