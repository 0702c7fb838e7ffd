"""Behaviour tests in the sense of CheckList (Ribeiro et al., 2020).

invariance (replace)           one word for another must not change the answer
directional (pairs)            from `before` to `after` a label's probability must rise
minimum functionality (cases)  a text must get its label
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from mlops.config.schema import Behaviour, Case, Pair
from mlops.evaluation.metrics import Floats

Predict = Callable[[list[str]], Floats]

MOST_TEXTS = 1_000  # of an invariance test: enough for a rate, and a bound for a long test split
MOST_FAILURES = 5  # shown

# Scripts without spaces between words: there a word may begin anywhere.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class Failure(NamedTuple):
    """A text or pair that did not pass."""

    text: str
    expected: str
    found: str


@dataclass(frozen=True)
class Result:
    """How a behaviour test went; one without texts was not run and has no rate."""

    name: str
    kind: str
    min_pass_rate: float
    n: int
    failed: int
    failures: list[Failure]

    @property
    def pass_rate(self) -> float | None:
        """Return the share of texts or pairs that passed."""
        return 1 - self.failed / self.n if self.n else None

    @property
    def passed(self) -> bool | None:
        """Return whether the rate suffices."""
        return None if self.pass_rate is None else self.pass_rate >= self.min_pass_rate


def run(
    tests: list[Behaviour], texts: Iterable[str], labels: list[str], predict: Predict
) -> list[Result]:
    """Run the configured tests; `texts` are those in which words are replaced."""
    for test in tests:
        test.expect(labels)
    return [_run(test, texts, labels, predict) for test in tests]


def swap(text: str, words: dict[str, str]) -> str:
    """Replace whole words, whatever their case; Name and NAME stay so."""
    new = {word.lower(): other for word, other in words.items()}
    longest = sorted(new, key=lambda word: (-len(word), word))
    return re.sub(
        "|".join(_bounded(word) for word in longest),
        lambda found: _like(found[0], new.get(found[0].lower(), found[0])),
        text,
        flags=re.IGNORECASE,
    )


def _run(test: Behaviour, texts: Iterable[str], labels: list[str], predict: Predict) -> Result:
    if test.replace is not None:
        kind, outcomes = "invariance", _invariance(test.replace, texts, labels, predict)
    elif test.pairs is not None:
        known = [labels.index(str(pair.label)) for pair in test.pairs]
        kind, outcomes = "directional", _directional(test.pairs, known, predict)
    else:
        cases = test.cases or []
        known = [labels.index(str(case.label)) for case in cases]
        kind, outcomes = "minimum functionality", _functionality(cases, known, labels, predict)
    failures = [outcome for outcome in outcomes if outcome]
    return Result(
        test.name, kind, test.min_pass_rate, len(outcomes), len(failures), failures[:MOST_FAILURES]
    )


# Each of these returns, for each text or pair, None if it passed and else what went wrong.


def _invariance(
    words: dict[str, str], texts: Iterable[str], labels: list[str], predict: Predict
) -> list[Failure | None]:
    swapped = ((text, swap(text, words)) for text in texts)
    pairs = list(islice((pair for pair in swapped if pair[0] != pair[1]), MOST_TEXTS))
    if not pairs:
        return []
    before = predict([text for text, _ in pairs]).argmax(axis=1)
    after = predict([text for _, text in pairs]).argmax(axis=1)
    return [
        None if old == new else Failure(f"{pair[0]} → {pair[1]}", labels[old], labels[new])
        for pair, old, new in zip(pairs, before, after, strict=True)
    ]


def _directional(pairs: list[Pair], known: list[int], predict: Predict) -> list[Failure | None]:
    before = predict([pair.before for pair in pairs])
    after = predict([pair.after for pair in pairs])
    return [
        None
        if after[row, label] > before[row, label]
        else Failure(
            f"{pair.before} → {pair.after}",
            f"p({pair.label}) rises",
            f"{before[row, label]:.4f} → {after[row, label]:.4f}",
        )
        for row, (pair, label) in enumerate(zip(pairs, known, strict=True))
    ]


def _functionality(
    cases: list[Case], known: list[int], labels: list[str], predict: Predict
) -> list[Failure | None]:
    answers = predict([case.text for case in cases]).argmax(axis=1)
    return [
        None if answer == label else Failure(case.text, labels[label], labels[answer])
        for case, answer, label in zip(cases, answers, known, strict=True)
    ]


def _bounded(word: str) -> str:
    begin = "" if UNSPACED.match(word[0]) else r"(?<!\w)"
    end = "" if UNSPACED.match(word[-1]) else r"(?!\w)"
    return f"{begin}{re.escape(word)}{end}"


def _like(found: str, new: str) -> str:
    if found.isupper() and len(found) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if found[:1].isupper() else new
