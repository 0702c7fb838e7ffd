"""Rules of ml.data.grammar and ml.data.lexicon."""

import hashlib
import itertools
import re
from collections import Counter
from random import Random

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from ml.data import grammar, lexicon

ROWS = list(grammar.generate(12_000))


def test_the_corpus_never_changes() -> None:
    """Every model that was ever trained on it can be trained again."""
    text = "\n".join("\t".join(row) for row in ROWS[:1000])

    assert (
        hashlib.sha256(text.encode()).hexdigest()
        # pragma: allowlist nextline secret
        == "d39d532c44baa4e6702f97cdbad7e46116ccdaf60ffe3aa57959afbe6e0ee19d"
    )


def test_more_rows_begin_with_the_same_ones() -> None:
    """A corpus that grows keeps its rows, so that splits and samples keep theirs."""
    assert list(grammar.generate(500)) == ROWS[:500]


def test_another_seed_gives_another_corpus() -> None:
    """The seed decides."""
    assert list(itertools.islice(grammar.generate(100, seed=1), 100)) != ROWS[:100]


def test_texts_are_all_different() -> None:
    """No text is repeated, so none can stand in two splits."""
    assert len({row.text for row in ROWS}) == len(ROWS)


def test_labels_are_balanced() -> None:
    """Half the verdicts are good."""
    assert Counter(row.label for row in ROWS) == {"negative": 6000, "positive": 6000}


def test_every_kind_has_its_share() -> None:
    """No rule of the grammar is rare."""
    shares = Counter(row.kind for row in ROWS)

    assert set(shares) == set(grammar.KINDS)
    assert min(shares.values()) > 0.1 * len(ROWS)


def test_articles_fit_their_words() -> None:
    """A stands before consonants, an before vowels."""
    wrong = [row.text for row in ROWS if re.search(r"\ba [aeiou]|\ban [^aeiou]", row.text)]

    assert wrong == []


@pytest.mark.parametrize("good", [True, False])
def test_a_negated_clause_says_the_opposite_of_its_word(good: bool) -> None:
    """The word comes from the other list exactly where the clause is negated."""
    words = [
        word for pair in (lexicon.ADJECTIVES, lexicon.VERBS, lexicon.NOUNS) for word in pair[good]
    ]
    clauses = [grammar.clause(Random(n), "the film", good) for n in range(300)]

    assert all((clause.word in words) != clause.negated for clause in clauses)
    assert 0.15 < sum(clause.negated for clause in clauses) / 300 < 0.4


@pytest.mark.parametrize(
    ("kind", "pattern", "label"),
    [
        ("contrast", r"^Although the \w+ is dull, the (film|movie) is superb\.$", "positive"),
        (
            "attribution",
            r"^Critics .*(superb|lovely|great), and they are wrong\.$",
            "negative",
        ),
        (
            "attribution",
            r"^Critics .*(dull|boring|awful), and they are wrong\.$",
            "positive",
        ),
    ],
)
def test_the_label_follows_the_rule(kind: str, pattern: str, label: str) -> None:
    """The main clause wins; an opinion that is not shared counts as its opposite."""
    plain = (row for row in grammar.generate(120_000) if (row.kind, row.negated) == (kind, "no"))
    found = [row for row in plain if re.match(pattern, row.text)]

    assert {row.label for row in found} <= {label}
    assert found or kind == "contrast"


def test_an_opinion_on_another_work_does_not_count() -> None:
    """Of the film and the trailer, the film decides."""
    rows = [row for row in ROWS if row.kind == "target" and row.negated == "no"]
    good, bad = (lexicon.ADJECTIVES[side] for side in (1, 0))
    film = re.compile(r"the (?:film|movie) (?:is|was)(?: really| quite)? (\w+)", re.I)
    words = [(match[1], row.label) for row in rows if (match := film.search(row.text))]

    assert {label for word, label in words if word in good} == {"positive"}
    assert {label for word, label in words if word in bad} == {"negative"}


def test_counting_words_is_not_enough() -> None:
    """TF-IDF with logistic regression stays below 80 %: order and rules decide."""
    vectors = TfidfVectorizer(ngram_range=(1, 2))
    texts, labels = [row.text for row in ROWS], [row.label for row in ROWS]
    model = LogisticRegression(max_iter=1000).fit(
        vectors.fit_transform(texts[:10_000]), labels[:10_000]
    )

    assert 0.55 < model.score(vectors.transform(texts[10_000:]), labels[10_000:]) < 0.8
