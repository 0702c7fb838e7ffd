"""The chain from what is asked about back to the source, as rows of a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from mlops.core import dvc_lock, revision
from mlops.lineage.trace import SERVING, Trace
from mlops.tracking import machine, provenance

Row = tuple[str, str, str]  # what, value, remark
UNKNOWN = "unknown"
FIGURES = ("test.accuracy", "test.macro_f1", "test.ece", "test.rows")
OTHERS = 10  # runs of the same bytes that are listed


def rows(trace: Trace) -> list[Row]:
    """Return the chain, what made it, and other runs that made the same bytes."""
    tags = trace.run.tags if trace.run else {}
    values = _params(trace)
    found = [
        ("asked", trace.asked, _bento(trace)),
        *_hashes(trace, tags),
        *_sources(values, trace),
        ("run", trace.run.run_id if trace.run else UNKNOWN, _run(trace)),
        *_code(trace, tags),
        ("when", when(trace.run.started if trace.run else 0), ""),
        *_origin(tags),
        ("metrics", _metrics(trace), ""),
    ]
    for store, other in trace.runs[1 : 1 + OTHERS]:
        commit = other.tags.get("git.commit", UNKNOWN)[:12]
        restored = ", restored" if other.tags.get("restored") == "yes" else ""
        found.append(("same bytes", other.run_id, f"{store}, commit {commit}{restored}"))
    if len(trace.runs) > 1 + OTHERS:
        found.append(("same bytes", f"{len(trace.runs) - 1 - OTHERS} more runs", ""))
    return found


def _bento(trace: Trace) -> str:
    info = trace.metadata
    aliases = f"alias {info['aliases']}" if info.get("aliases") else ""
    package = f"content {info['bento']}" if info.get("bento") else ""
    return ", ".join(filter(None, (aliases, package)))


def _hashes(trace: Trace, tags: Mapping[str, str]) -> list[Row]:
    locked = dvc_lock.hashes(trace.artifact(dvc_lock.LOCK.name).decode())
    found: list[Row] = []
    for name, path in (
        ("exported model", SERVING),
        ("model", dvc_lock.MODEL),
        ("prepared data", "data/prepared"),
        ("raw data", "data/raw"),
    ):
        tag = next((tag for tag, place in dvc_lock.TAGS.items() if place == path), "")
        recorded = locked.get(path) or tags.get(tag)
        here = trace.files.get(path)
        remark = path
        if here:
            remark = f"{path} here, " + ("as recorded" if recorded else "recorded by no run")
        if here and recorded and here != recorded:
            remark = f"{path} here DIFFERS from the run's {recorded}"
        elif tag and tags.get(tag, recorded) != recorded:
            remark = f"{path}; the run CONTRADICTS itself: its tag says {tags[tag]}"
        found.append((name, here or recorded or UNKNOWN, remark))
    own, digest = trace.metadata.get("model.sha256"), tags.get("model.sha256")
    same = "" if not (own and digest) or own == digest else f" DIFFERS from the run's {digest}"
    found.insert(2, ("", own or digest or UNKNOWN, f"SHA-256 of {dvc_lock.MODEL}{same}"))
    return found


def _params(trace: Trace) -> Mapping[str, Any]:
    values = yaml.safe_load(trace.artifact("params.yaml") or b"{}")
    return values if isinstance(values, dict) else {}


def _sources(values: Mapping[str, Any], trace: Trace) -> list[Row]:
    data, hashes = values.get("data", {}), values.get("snapshot", {})
    pinned = yaml.safe_load(trace.artifact(provenance.SOURCES.name) or b"{}") or {}
    found: list[Row] = []
    for split in ("train", "val", "test"):
        path = data.get(f"{split}_path")
        if path == "synthetic":
            found.append(("source", path, f"{split}: {data['synthetic_rows']} rows, made here"))
        elif path:
            known = hashes.get(split)
            remark = f"SHA-256 {known}" if known else "content " + UNKNOWN
            found.append(("source", path, f"{split}: {'in sources.lock' if pinned else remark}"))
    return found or [("source", UNKNOWN, "")]


def _run(trace: Trace) -> str:
    if not trace.run:
        return "no MLflow store here has this model; MLFLOW_TRACKING_URI names a server"
    restored = trace.run.tags.get("restored") == "yes"
    was = "restored from a cache and evaluated" if restored else "trained"
    return f"{trace.run.name}, {trace.run.status}, {was}, in {trace.runs[0][0]}"


def _code(trace: Trace, tags: Mapping[str, str]) -> list[Row]:
    asked, commit = trace.metadata.get("git.commit"), tags.get("git.commit")
    dirty = {
        "yes": f"uncommitted changes: {tags.get('git.diff', UNKNOWN)}",
        "no": "clean",
    }
    about = [
        f'"{revision.subject(commit)}"' if commit and revision.subject(commit) else "",
        f"on {tags['git.branch']}" if "git.branch" in tags else "",
        dirty.get(tags.get("git.dirty", ""), "unknown whether clean"),
    ]
    found = [("commit", commit or UNKNOWN, ", ".join(filter(None, about)) if commit else "")]
    if asked and asked != commit:
        changed = (
            "with uncommitted changes" if trace.metadata.get("git.dirty") == "yes" else "clean"
        )
        found.append(("", asked, f"commit of the requested model, {changed}"))
    return found


def _origin(tags: Mapping[str, str]) -> list[Row]:
    of = "where it was evaluated" if tags.get("restored") == "yes" else ""
    hardware = [
        tags.get("hardware.cpu", ""),
        f"{tags['hardware.cores']} cores" if "hardware.cores" in tags else "",
        f"{tags['hardware.memory_gb']} GB" if "hardware.memory_gb" in tags else "",
        f"GPU {tags['hardware.gpu']}" if "hardware.gpu" in tags else "",
    ]
    seconds = tags.get("duration_s")
    return [
        ("environment", tags.get("environment", UNKNOWN), ""),
        ("who", tags.get("who") or tags.get("mlflow.user") or UNKNOWN, ""),
        ("duration", f"{seconds} s" if seconds else UNKNOWN, "of the training"),
        ("hardware", ", ".join(filter(None, hardware)) or UNKNOWN, of),
        ("packages", tags.get("packages.sha256", UNKNOWN), _packages(tags)),
    ]


def _packages(tags: Mapping[str, str]) -> str:
    here = machine.read_packages().get("packages.sha256")
    recorded = tags.get("packages.sha256")
    python = tags.get("packages.python")
    found = [
        f"Python {python}" if python else "",
        f"for {tags['packages.accelerator']}" if "packages.accelerator" in tags else "",
        "" if not (recorded and here) else "as here" if recorded == here else "not those here",
    ]
    return ", ".join(filter(None, found))


def _metrics(trace: Trace) -> str:
    metrics = trace.run.metrics if trace.run else {}
    known = [name for name in FIGURES if name in metrics]
    shown = [f"{name.removeprefix('test.')} {metrics[name]:.4g}" for name in known]
    return ", ".join(shown) or UNKNOWN


def when(milliseconds: int) -> str:
    """Return a time of MLflow for a person."""
    if not milliseconds:
        return UNKNOWN
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
