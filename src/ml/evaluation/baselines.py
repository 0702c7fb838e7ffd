"""What a model must beat to be worth its cost: the majority class, and TF-IDF.

Trained on the same rows as the model, evaluated on the same test rows.
"""

import warnings
from typing import Any

import numpy as np
import polars as pl
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

from mlops.evaluation.results import Baseline, Data

STRENGTHS = (1.0, 3.0, 10.0, 30.0)  # of C; the best on val is taken, of equals the first
MOST_ROWS = 100_000  # beyond, TF-IDF hardly gains and takes minutes
MOST_VAL_ROWS = 20_000
MOST_CHARACTERS = 20_000_000  # of all training texts together: the same bound for long texts
MOST_WORDS = 200_000  # and two-word sequences, the most frequent
MOST_WEIGHTS = 4_000_000  # words times classes: 32 MB, of which the solver keeps 20 copies

# A word is what stands between white space and punctuation. Not scikit-learn's \w\w+: it drops
# one-letter words, and breaks words at the vowel signs of the scripts of India.
WORD = r"[^\s!-/:-@\[-`{-~\u0964\u0965\u2000-\u206f\u3000-\u303f]+"


def train(data: Data) -> dict[str, Baseline]:
    """Train the baselines on the rows that the model had; reports show each by its title."""
    train, val, test = (data.splits[name] for name in ("train", "val", "test"))
    return {
        "majority": majority(train, test.height, data.labels),
        "tfidf": tfidf(train, val, test["text"].to_list(), len(data.labels)),
    }


def majority(train: pl.DataFrame, rows: int, labels: list[str]) -> Baseline:
    """Answer every text with the shares of the classes in train, so with the largest class."""
    counts = np.bincount(train["label"].to_numpy(), minlength=len(labels))
    shares = (counts + 1) / (counts.sum() + len(labels))  # unseen is not impossible
    detail = f"always answers {labels[int(counts.argmax())]!r}"
    return Baseline("majority class", np.tile(shares, (rows, 1)), detail)


def tfidf(train: pl.DataFrame, val: pl.DataFrame, test: list[str], classes: int) -> Baseline:
    """Train logistic regression over weighted n-grams, its strength picked on val."""
    used, val = thin(train, MOST_ROWS), thin(val, MOST_VAL_ROWS)
    unit = "word" if _has_spaces(used["text"]) else "character"
    vectorizer = TfidfVectorizer(
        analyzer="word" if unit == "word" else "char",
        token_pattern=WORD if unit == "word" else None,
        ngram_range=(1, 2),
        max_features=max(1, min(MOST_WORDS, MOST_WEIGHTS // classes)),
    )
    # Threads would share out sums differently and so change the last digits.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a poor fit loses on val
        features = vectorizer.fit_transform(used["text"].to_list())
        model = _best(
            (features, used["label"].to_numpy()),
            (vectorizer.transform(val["text"].to_list()), val["label"].to_numpy()),
        )
        probabilities = np.zeros((len(test), classes))
        probabilities[:, model.classes_] = model.predict_proba(vectorizer.transform(test))
    share = f" of {train.height:,}" if used.height < train.height else ""
    return Baseline(
        "TF-IDF",
        probabilities,
        f"logistic regression over TF-IDF of 1- and 2-{unit} sequences, "
        f"trained on {used.height:,}{share} rows, C = {model.C:g} picked on val",
    )


def thin(frame: pl.DataFrame, most_rows: int) -> pl.DataFrame:
    """Take every n-th row, so that neither the rows nor their characters exceed the bounds."""
    characters = int(frame["text"].str.len_chars().sum())
    step = max(-(-frame.height // most_rows), -(-characters // MOST_CHARACTERS), 1)
    return frame.gather_every(step)


def _best(train: tuple[Any, Any], val: tuple[Any, Any]) -> Any:
    models = [LogisticRegression(C=c, max_iter=200).fit(*train) for c in STRENGTHS]
    hits = [int((model.predict(val[0]) == val[1]).sum()) for model in models]
    return models[int(np.argmax(hits))]


def _has_spaces(texts: pl.Series) -> bool:
    # Chinese or Thai have no spaces: a word there would be a whole clause.
    return int(texts.str.contains(r"\s").sum()) * 2 >= len(texts)
