"""Write release notes: metrics compared with the model before, model card, SBOM.

Reads: the registry of the environment, reports/load_sweep.{json,png} where they are of this model,
    conf/, ENV, EXP, TAG, VERSION (else the newest accepted version that the commit that is checked
    out has made)
Writes: reports/release/{notes.md,model_card.md,metrics.json,sbom.json,load_sweep.png}
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlops.ci import findings, markdown
from mlops.ci.base import read
from mlops.ci.markdown import cell, code
from mlops.client import load_table
from mlops.core import outputs, revision
from mlops.core.errors import GateError, run
from mlops.pipeline.compose import asked
from mlops.release import images, sbom
from mlops.release.evidence import REPORTS
from mlops.release.versions import version_files
from mlops.release.versions.registry import MADE, Registry, Version

FOLDER = Path("reports/release")


def released(registry: version_files.Holds, number: str, commit: str, environment: str) -> Version:
    """Return the version that the notes are about: the one asked for, or that of this commit."""
    found = [one for one in registry.versions() if one.number == number or _made(one, commit)]
    if number:
        found = [one for one in found if one.number == number]
    for version in found:
        if version.tags.get("gate.verdict") == "accepted":
            return version
    if found:
        raise GateError(f"nothing to release: {_refused(found[0])}")
    if number:
        known = ", ".join(one.number for one in registry.versions()) or "none"
        raise GateError(f"{registry.name} has no version {number} in {environment}, it has {known}")
    raise GateError(
        f"commit {commit[:12]} has not been trained in {environment} yet: no version of "
        f"{registry.name} was made of it; run this again after CI has trained it and run the gate"
    )


def _made(version: Version, commit: str) -> bool:
    """Return whether a commit is known to make this version; a later one may make the same."""
    tags = version.tags
    return f"{MADE}{commit}" in tags or (
        tags.get("git.commit") == commit and tags.get("git.dirty") == "no"
    )


def _refused(version: Version) -> str:
    verdict, reasons = version.tags.get("gate.verdict"), version.tags.get("gate.reasons")
    if verdict is None:
        return f"the gate has not evaluated {version} yet; run this again afterwards"
    return f"the gate rejected {version} ({reasons or 'no reason recorded'})"


def check_tag(tag: str, commit: str) -> None:
    """Refuse to write the notes of one commit under the tag of another."""
    command = ["git", "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    there = done.stdout.strip()
    if tag and there and there != commit:
        raise GateError(
            f"{tag} is commit {there[:12]}, but {commit[:12]} is checked out; `git checkout {tag}`"
        )


def before(registry: version_files.Holds, version: Version) -> Version | None:
    """Return the version that was live when this one was judged."""
    against = version.tags.get("gate.against", "none")
    return next((one for one in registry.versions() if str(one) == against), None)


def changes(old: Version | None, new: Version) -> list[str]:
    """Return the commits between two versions, one line each."""
    if old is None:
        return []
    span = f"{old.tags.get('git.commit')}..{new.tags.get('git.commit')}"
    command = ["git", "log", "--first-parent", "--format=%h %s", "-50", span, "--"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def notes(old: Version | None, new: Version, tag: str, here: str) -> Iterator[str]:
    """Yield the notes as Markdown; `here` is the commit that is released."""
    tags = new.tags
    yield f"# {tag or new}\n"
    model, commit, data = (code(tags[x]) for x in ("model.sha256", "git.commit", "data.sha256"))
    against = f"against {cell(str(old))}" if old else "the first of its name"
    yield (
        f"{cell(str(new))} in {cell(tags['environment'])}: model {model}, commit {commit}, data "
        f"{data}. The gate accepted it, {against}.\n"
    )
    if tags["git.commit"] != here:
        same = f"{MADE}{here}" in tags
        made = "makes the same model" if same else "is checked out, which did not make this model"
        yield f"Commit {code(here)} {made}.\n"
    figures = findings.figures(_figures(old.tags if old else {}), _figures(tags))
    yield from markdown.figures(figures)
    yield from load(new)
    if lines := changes(old, new):
        yield "## Changes\n"
        yield from (f"- {cell(line)}" for line in lines)
        yield ""
    yield "## Back\n"
    yield f'    make rollback ENV={tags["environment"]} WHY="..."\n'


def load(new: Version) -> Iterator[str]:
    """Yield the load sweep that was made here, if it is one of this very model."""
    found = read(load_table.REPORT)
    if found and found["service"].get("model_sha256") == new.tags["model.sha256"]:
        image = found["image"] or new.tags.get(images.TAG)
        yield from load_table.markdown({**found, "image": image})


def _figures(tags: Mapping[str, str]) -> dict[str, float]:
    return {k.removeprefix("test."): float(v) for k, v in tags.items() if k.startswith("test.")}


def main() -> None:
    """Write notes and what belongs to them."""
    get = os.environ.get
    shutil.rmtree(FOLDER, ignore_errors=True)  # nobody must publish those of another release
    params = asked()
    registry = Registry(params)
    commit = revision.tags().get("git.commit", "")
    check_tag(get("TAG") or "", commit)
    new = released(registry, get("VERSION") or "", commit, params.environment)
    text = "\n".join(notes(before(registry, new), new, get("TAG") or "", commit))
    with tempfile.TemporaryDirectory(prefix="notes-") as name, outputs.folder(FOLDER) as folder:
        reports = version_files.fetch(registry, new, Path(name), REPORTS)
        for report in ("metrics.json", "model_card.md"):
            shutil.copy(reports / report, folder)
        if load_table.PICTURE.exists() and any(load(new)):
            shutil.copy(load_table.PICTURE, folder)
        image = get("IMAGE") or new.tags.get(images.TAG, "")
        found = sbom.make(new, registry, image, params.deploy.engine)
        outputs.write_json(folder / sbom.REPORT.name, found)
        (folder / "notes.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\nwritten to {FOLDER}\n")


if __name__ == "__main__":
    run(main)
