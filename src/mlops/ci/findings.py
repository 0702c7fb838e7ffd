"""What a review found, as values: made where untrusted code runs, rendered where none does."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops.core.errors import HostError

FILE = Path("reports/review.json")
MOST = 300  # values in a review
FIRST = ("gate.", "data.", "evaluate.", "prepare.")

Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=500)]


class Part(BaseModel):
    """A frozen part; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(Part):
    """A metric before and after."""

    name: Name
    before: float | None
    after: float | None


class Value(Part):
    """A value of the configuration before and after, as text."""

    name: Name
    before: Text | None
    after: Text | None


class Criterion(Part):
    """A criterion of the gate, on the data of development."""

    name: Name
    passed: bool
    found: Text
    wanted: Text


class Curve(Part):
    """The validation loss after each epoch."""

    before: Annotated[list[float], Field(max_length=200)]
    after: Annotated[list[float], Field(max_length=200)]


class Findings(Part):
    """All values of a pull request's report."""

    experiment: Name
    base: Name
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,40}$")]
    target: Name  # the environment whose gate is previewed
    missing: Text | None  # why there are no figures of the base
    minutes: Annotated[float, Field(ge=0)]
    warnings: Annotated[list[Text], Field(max_length=10)] = []
    figures: Annotated[list[Figure], Field(max_length=100)]
    values: Annotated[list[Value], Field(max_length=MOST)]
    more_values: Annotated[int, Field(ge=0)] = 0  # that differ too, and found no room
    gate: Annotated[list[Criterion], Field(max_length=100)]
    curve: Curve


def read(path: Path = FILE) -> Findings:
    """Read findings that anybody may have written."""
    try:
        return Findings.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise HostError(
            f"{path} is no review as `make review` writes it ({first}); run `make review` again"
        ) from None


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested values as text, by dotted name."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            text = json.dumps(value, ensure_ascii=False)
            found[f"{prefix}{name}"] = text if len(text) <= 500 else f"{text[:490]} ..."
    return found


def figures(before: dict[str, Any], after: dict[str, Any]) -> list[Figure]:
    """Pair the numbers of two files of metrics."""
    numbers = [
        {name: float(v) for name, v in one.items() if isinstance(v, int | float)}
        for one in (before, after)
    ]
    names = sorted(numbers[0] | numbers[1])
    return [Figure(name=n, before=numbers[0].get(n), after=numbers[1].get(n)) for n in names]


def values(before: dict[str, Any], after: dict[str, Any]) -> list[Value]:
    """Return the values that differ between two configurations; hashes of data are no values.

    First those that a reviewer must not miss, whatever else has changed.
    """
    old, new = (flat({k: v for k, v in one.items() if k != "snapshot"}) for one in (before, after))
    names = sorted(
        (name for name in old | new if old.get(name) != new.get(name)),
        key=lambda name: (not name.startswith(FIRST), name),
    )
    return [Value(name=n[:200], before=old.get(n), after=new.get(n)) for n in names]
