"""Rules with one thing changed: a threshold, a label, a window, the name of a metric."""

import copy
import re
from collections.abc import Iterator
from typing import Any

THRESHOLD = re.compile(r"(>=|>|==) ([\d.e+]+)")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
WINDOW = re.compile(r"\[\d+\w\]|offset \d+\w|time\(\) - \d+")
METRIC = re.compile(r"[a-z]\w+(?:\w|:)*(?=\{)")
LONGER = {"m": "h", "h": "d", "d": "w", "s": "m"}


def mutants(groups: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was changed, and the rules; the last rule is the alert."""
    rules = groups["groups"][0]["rules"]
    text = "\n".join(one["expr"] for one in rules)
    for what, old, new in (*_thresholds(rules[-1]["expr"]), *_words(text)):
        changed = copy.deepcopy(groups)
        for one in changed["groups"][0]["rules"]:
            one["expr"] = one["expr"].replace(old, new)
        yield f"{what}: {old} -> {new}", changed
    for name in ("for", "keep_firing_for"):
        if name in rules[-1]:
            yield f"no {name}", _alert(groups, **{name: "0s"})
            yield f"longer {name}", _alert(groups, **{name: _longer(rules[-1][name])})
    yield "severity", _alert(groups, labels=rules[-1]["labels"] | {"severity": "other"})


def _thresholds(text: str) -> Iterator[tuple[str, str, str]]:
    for sign, number in sorted(set(THRESHOLD.findall(text))):
        value = float(number)
        for other in (2 * value, value / 2) if value else (1000,):
            yield "threshold", f"{sign} {number}", f"{sign} {other:.6g}"


def _words(text: str) -> Iterator[tuple[str, str, str]]:
    for name, sign, value in sorted(set(MATCHER.findall(text))):
        yield "label", f'{name}{sign}"{value}"', f'{name}{sign}"{value}x"'
    for window in sorted(set(WINDOW.findall(text))):
        if window.startswith("time"):
            yield "window", window, f"{window}00"
        else:
            yield "window", window, re.sub(r"[a-z](?=\]?$)", lambda m: LONGER[m[0]], window)
    for metric in sorted(set(METRIC.findall(text))):
        yield "metric", f"{metric}{{", f"{metric}_x{{"


def _longer(time: str) -> str:
    return f"{time[:-1]}{LONGER[time[-1]]}"


def _alert(groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    changed = copy.deepcopy(groups)
    changed["groups"][0]["rules"][-1] |= changes
    return changed
