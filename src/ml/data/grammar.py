"""The synthetic corpus: film verdicts whose label follows from rules that single words do not tell.

The label is the writer's verdict on the film. A negation turns a word around; of two clauses that
differ, the main clause wins; an opinion on something else than the film does not count; an opinion
of others counts as the writer shares it. A model that scores well has learned this grammar, not
English.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple, TypeVar

from ml.data import lexicon

LABELS = ("negative", "positive")
NEGATED = 0.27  # share of clauses; at 0.40 words carry no signal and a tiny model learns too slowly
OPENED = 0.2  # share of rows that begin with a phrase that says nothing
ASIDE = 0.1  # share of rows that end with a sentence that says nothing

Choice = TypeVar("Choice")
Draft = tuple[str, bool]


class Row(NamedTuple):
    """A text, its label, the rule that decides it, and whether a clause in it is negated."""

    text: str
    label: str
    kind: str
    negated: str


class Clause(NamedTuple):
    """An opinion; `good` is what the whole clause says, negation included."""

    subject: str
    word: str
    text: str
    good: bool
    negated: bool


def pick(rng: Random, items: tuple[Choice, ...]) -> Choice:
    """Choose one; only of `random()` does Python promise the same numbers in every version."""
    return items[int(rng.random() * len(items))]


def clause(rng: Random, subject: str, good: bool) -> Clause:
    """Say something good or bad of a subject; a negated clause does it with the opposite word."""
    frame = lexicon.QUALITY if subject in lexicon.THINGS else pick(rng, lexicon.FRAMES)
    negated = rng.random() < NEGATED
    pattern = pick(rng, frame.denied if negated else frame.affirmed)
    word = pick(rng, frame.words[good != negated])
    article = "an" if word[0] in "aeiou" else "a"
    return Clause(subject, word, pattern.format(s=subject, w=word, a=article), good, negated)


def about_film(rng: Random, good: bool) -> Clause:
    """Give an opinion on the film or a part of it."""
    return clause(rng, pick(rng, lexicon.FILM + lexicon.ASPECTS), good)


def beside(rng: Random, main: Clause, subjects: lexicon.Words, good: bool) -> Clause:
    """Give a second opinion that repeats neither the subject nor the word of the main one."""
    while True:
        other = clause(rng, pick(rng, subjects), good)
        if other.subject != main.subject and other.word != main.word:
            return other


def join(rng: Random, patterns: lexicon.Words, main: Clause, other: Clause) -> Draft:
    """Put the main clause and the other one into a sentence."""
    text = pick(rng, patterns).format(main=main.text, other=other.text)
    return text, main.negated or other.negated


def single(rng: Random, good: bool) -> Draft:
    """Say it in one clause."""
    main = about_film(rng, good)
    return main.text, main.negated


def agree(rng: Random, good: bool) -> Draft:
    """Say it twice."""
    main = about_film(rng, good)
    return join(rng, lexicon.AGREE, main, beside(rng, main, lexicon.ASPECTS, good))


def contrast(rng: Random, good: bool) -> Draft:
    """Concede the opposite of a part of the film: the main clause wins."""
    main = about_film(rng, good)
    return join(rng, lexicon.CONTRAST, main, beside(rng, main, lexicon.ASPECTS, not good))


def target(rng: Random, good: bool) -> Draft:
    """Add an opinion, of either kind, on what is not the film: it does not count."""
    main = about_film(rng, good)
    other = beside(rng, main, lexicon.WORKS + lexicon.THINGS, rng.random() < 0.5)
    return join(rng, lexicon.TARGET, main, other)


def attribution(rng: Random, good: bool) -> Draft:
    """Report an opinion of others, which counts as the writer shares it."""
    shared = rng.random() < 0.5
    opinion = about_film(rng, good == shared)
    claim = f"{pick(rng, lexicon.SOURCES)} {lexicon.CLAIM} {opinion.text}"
    return pick(rng, lexicon.VERDICTS[shared]).format(claim=claim), opinion.negated


KINDS: dict[str, Callable[[Random, bool], Draft]] = {
    "single": single,
    "agree": agree,
    "contrast": contrast,
    "target": target,
    "attribution": attribution,
}
# The weight of a kind is how often it stands here: single clauses and agreement are what a bag of
# words can learn, and what a transformer learns first.
MIX = ("single",) * 6 + ("agree",) * 5 + ("contrast",) * 3 + ("target",) * 3 + ("attribution",) * 3


def write(rng: Random, good: bool) -> Row:
    """Write one verdict."""
    kind = pick(rng, MIX)
    text, negated = KINDS[kind](rng, good)
    if rng.random() < OPENED:
        text = f"{pick(rng, lexicon.OPENERS)} {text}"
    text = f"{text[0].upper()}{text[1:]}."
    if rng.random() < ASIDE:
        text = f"{text} {pick(rng, lexicon.ASIDES)}"
    return Row(text, LABELS[good], kind, "yes" if negated else "no")


def generate(rows: int, seed: int = 0) -> Iterator[Row]:
    """Write different verdicts, good and bad in turn; more rows begin with the same ones."""
    rng = Random(seed)
    seen: set[str] = set()
    while len(seen) < rows:
        row = write(rng, good=len(seen) % 2 == 1)
        if row.text not in seen:
            seen.add(row.text)
            yield row
