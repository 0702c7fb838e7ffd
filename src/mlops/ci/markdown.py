"""Findings as Markdown for GitHub and GitLab; nothing in them can become more than text."""

import itertools
import re
from collections.abc import Iterator

from mlops.ci.findings import Criterion, Curve, Figure, Findings, Value

MARK = "<!-- mlops.ci.review -->"
ROOM = 30_000  # characters of a table; GitHub takes 65,536 in a comment
# What a reader decides by; the others are folded.
FIRST = ("accuracy", "macro_f1", "ece", "loss")


def render(found: Findings, total_minutes: float | None = None) -> str:
    """Return the whole report."""
    minutes = f"{found.minutes:.1f} minutes of training and evaluation"
    if total_minutes is not None:
        minutes += f", {total_minutes:.1f} CI minutes of the whole run"
    head = f"### Model report: {cell(found.experiment)} at {code(found.commit[:12])}"
    parts = [MARK, head, f"Trained in `dev`, compared with {cell(found.base)}. {minutes}.", ""]
    if found.missing:
        parts += [f"No metrics for {cell(found.base)}: {cell(found.missing)}", ""]
    parts += [line for text in found.warnings for line in (f"**Warning:** {cell(text)}", "")]
    first = [figure for figure in found.figures if figure.name in FIRST]
    others = [figure for figure in found.figures if figure.name not in FIRST]
    parts += [*figures(first), *folded(f"{len(others)} more metrics", figures(others))]
    parts += [
        *_values(found.values, found.more_values),
        *_gate(found.gate, found.target),
        *_curve(found.curve),
    ]
    return "\n".join(parts) + "\n"


def cell(text: str) -> str:
    """Return text that breaks no table, links nowhere and calls nobody."""
    plain = re.sub(r"\s+", " ", text)
    return re.sub(r"[^\w .,:;+%()/=-]", lambda m: f"&#{ord(m[0])};", plain).replace(
        "://", ":&#47;&#47;"
    )


def code(text: str) -> str:
    """Return text as code, in a table too."""
    return f"<code>{cell(text)}</code>"


def folded(title: str, lines: list[str]) -> list[str]:
    """Return lines behind a fold, nothing where there are none."""
    if not lines:
        return []
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "</details>", ""]


def figures(found: list[Figure]) -> list[str]:
    """Return a table of metrics."""
    if not found:
        return []
    rows = [
        f"| {cell(f.name)} | {_number(f.before)} | {_number(f.after)} | {_change(f)} |"
        for f in found
    ]
    return ["| metric | before | after | change |", "|---|--:|--:|--:|", *rows, ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _change(figure: Figure) -> str:
    if figure.before is None or figure.after is None:
        return ""
    return f"{figure.after - figure.before:+.4g}"


def _values(values: list[Value], more: int) -> list[str]:
    if not values:
        return ["The configuration is unchanged.", ""]
    rows = [
        f"| {code(v.name)} | {code(v.before) if v.before is not None else ''} "
        f"| {code(v.after) if v.after is not None else ''} |"
        for v in values
    ]
    sizes = itertools.accumulate(map(len, rows))
    room = sum(size <= ROOM for size in sizes)
    more += len(rows) - room
    left_out = (
        [f"and **{more} more values** that differ: `git diff` of `conf/`", ""] if more else []
    )
    return ["| value | before | after |", "|---|---|---|", *rows[:room], "", *left_out]


def _gate(checks: list[Criterion], target: str) -> list[str]:
    failed = sum(not check.passed for check in checks)
    state = f"{failed} of {len(checks)} criteria not met" if failed else "all criteria met"
    title = f"Gate of {cell(target)}, previewed on the data of dev: {state}"
    rows = [
        f"| {'ok' if one.passed else '**NO**'} | {cell(one.name)} | {cell(one.found)} "
        f"| {cell(one.wanted)} |"
        for one in checks
    ]
    table = ["| | criterion | found | wanted |", "|---|---|---|---|", *rows, ""]
    return folded(title, table) if checks else []


def _curve(curve: Curve) -> list[str]:
    """Return a plot that both hosts draw."""
    lines = [numbers for numbers in (curve.before, curve.after) if numbers]
    if not lines or max(map(len, lines)) < 2:
        return []
    ticks = ", ".join(str(n + 1) for n in range(max(map(len, lines))))
    return folded("Validation loss by epoch (before, then after)", [
        "```mermaid", "xychart-beta", f"    x-axis [{ticks}]", '    y-axis "loss"',
        *(f"    line [{', '.join(_points(numbers))}]" for numbers in lines), "```", "",
    ])  # fmt: skip


def _points(numbers: list[float]) -> Iterator[str]:
    return (f"{number:.4f}" for number in numbers)
