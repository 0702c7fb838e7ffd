"""The words of texts: how often each stands where, what separates two sets, which have moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops.operate.drift.rows import Floats, Ints, Rows

# A word; of scripts that put no spaces between words, a sign (kana, Chinese characters, Thai).
SIGNS = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
WORD = rf"[{SIGNS}]|[^\W{SIGNS}]+"
VOCABULARY = 5_000  # words that are compared, the most frequent ones
DIMENSIONS, FOLDS = 50, 5
MOST = 2_000  # rows on each side that the classifier sees
SHOWN, CERTAIN = 10, 5.0  # words that moved each way, and by how many standard errors at least


@dataclass(frozen=True)
class Moved:
    """A word whose share of texts is another now."""

    word: str
    before: float
    now: float


def count(reference: Rows, window: Rows) -> tuple[Any, Any, list[str]]:
    """Return how often each word stands in each text [rows, words], and the words."""
    texts = [*(reference.texts or ()), *(window.texts or ())]
    vectorizer = CountVectorizer(token_pattern=WORD, max_features=VOCABULARY)
    try:
        table = vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # no text has a word
        return None, None, []
    words = [str(word) for word in vectorizer.get_feature_names_out()]
    return table[: len(reference)], table[len(reference) :], words


def score(reference: Rows, window: Rows) -> tuple[Ints, Ints, Floats, Floats]:
    """Return rows of both, and for each how much it looks like one of the window.

    A row is scored by a classifier that has seen no text of its request.
    """
    rng = np.random.default_rng(0)
    old, new = (np.sort(rng.permutation(len(one))[:MOST]) for one in (reference, window))
    texts = [*_pick(reference, old), *_pick(window, new)]
    groups = np.concatenate([reference.requests[old], window.requests[new] + reference.groups])
    target = np.repeat([0, 1], [len(old), len(new)])
    # What lays the texts out sees not whose they are: the classifier alone must not know its rows.
    table = TfidfVectorizer(token_pattern=WORD, sublinear_tf=True).fit_transform(texts)
    dimensions = min(DIMENSIONS, table.shape[1] - 1)
    space = make_pipeline(TruncatedSVD(dimensions, random_state=0), StandardScaler())
    scores = cross_val_predict(
        LogisticRegression(C=0.01, class_weight="balanced"),
        space.fit_transform(table),
        target,
        groups=groups,
        cv=StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0),
        method="decision_function",
    )
    return old, new, scores[: len(old)], scores[len(old) :]


def moved(before: Any, now: Any, words: Sequence[str]) -> list[Moved]:
    """Return the words whose share of texts has changed most, by more than chance."""
    shares = [np.asarray((table > 0).mean(axis=0)).ravel() for table in (before, now)]
    old, new = shares
    sizes = before.shape[0], now.shape[0]
    middle = np.minimum(1, (old * sizes[0] + new * sizes[1]) / sum(sizes))
    error = np.sqrt(middle * (1 - middle) * (1 / sizes[0] + 1 / sizes[1]))
    change = new - old
    sure = np.abs(change) > CERTAIN * np.maximum(error, 1e-12)
    order = [int(place) for place in np.argsort(-np.abs(change), kind="stable") if sure[place]]
    more = [place for place in order if change[place] > 0][:SHOWN]
    less = [place for place in order if change[place] < 0][:SHOWN]
    return [Moved(words[at], float(old[at]), float(new[at])) for at in (*more, *less)]


def _pick(rows: Rows, places: Ints) -> list[str]:
    texts = rows.texts or ()
    return [texts[place] for place in places]
