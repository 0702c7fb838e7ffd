"""Which words of a text a model has never seen, by its tokenizer.

A tokenizer that was trained with the model keeps the words of the training texts whole, as far as
its size allows: a word in pieces is new to it. A pretrained one is made of pieces, so only what it
cannot write at all counts.
"""

from typing import NamedTuple

from tokenizers import Tokenizer

SPACE = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"  # as byte-level BPE writes it
BEFORE_WORD = (SPACE, "\N{LOWER ONE EIGHTH BLOCK}")  # and SentencePiece
INSIDE = "##"  # as WordPiece marks what goes on with a word
MOST = 0.25  # share of unknown words that goes without saying, of a pretrained tokenizer
NAMED, LONGEST = 5, 30  # words in a warning, characters of each


class Look(NamedTuple):
    """The words of a text: how many, how many of them are unknown, and a warning of it."""

    share: float
    warning: str
    words: int
    unknown: int


class Vocabulary:
    """The words that a tokenizer knows.

    `usual` is the share that 99 % of the test texts do not exceed; None: it is a pretrained one.
    """

    def __init__(self, tokenizer: Tokenizer, usual: float | None) -> None:
        self._tokenizer = tokenizer
        self._trained = usual is not None
        self._most = MOST if usual is None else usual
        token = getattr(tokenizer.model, "unk_token", None) or "<unk>"
        self._unknown = tokenizer.token_to_id(token)
        self._beginnings = _beginnings(tokenizer)
        # Most texts hold none of these, which takes half a microsecond to know.
        self._signs = {self._unknown} | (_inside_words(tokenizer) if self._trained else set())

    def look(self, text: str, ids: list[int]) -> Look:
        """Return the share of words that are unknown, and a warning if it is unusual."""
        if self._signs.isdisjoint(ids):
            return Look(0.0, "", sum(map(self._beginnings.__contains__, ids)), 0)
        words, unknown = self._words(text)
        share = round(len(unknown) / max(1, words), 4)
        warning = _warning(unknown, words) if share > self._most else ""
        return Look(share, warning, words, len(unknown))

    def _words(self, text: str) -> tuple[int, list[str]]:
        """Return how many words a text has, and those that are unknown."""
        # `encode` would keep all other threads waiting.
        found = self._tokenizer.encode_batch([text])[0]
        tokens: dict[int, list[int]] = {}
        for word, number in zip(found.word_ids, found.ids, strict=True):
            if word is not None:  # a special token is part of none
                tokens.setdefault(word, []).append(number)
        written = {word: text[slice(*(found.word_to_chars(word) or ()))] for word in tokens}
        words = [word for word in tokens if any(sign.isalnum() for sign in written[word])]
        return len(words), [written[word].strip() for word in words if self._is_new(tokens[word])]

    def _is_new(self, numbers: list[int]) -> bool:
        return self._unknown in numbers or (self._trained and len(numbers) > 1)


def _inside_words(tokenizer: Tokenizer) -> set[int]:
    """Return the tokens that may go on with a word."""
    special = tokenizer.get_added_tokens_decoder()
    return {
        number
        for token, number in tokenizer.get_vocab().items()
        if number not in special and not token.startswith(SPACE)
        if token[0].isalnum() or not token.isascii()
    }


def _beginnings(tokenizer: Tokenizer) -> set[int]:
    """Return the tokens that begin a word, by how this tokenizer writes them."""
    special = tokenizer.get_added_tokens_decoder()
    tokens = {n: one for one, n in tokenizer.get_vocab().items() if n not in special}
    marked = {n: one[1:] for n, one in tokens.items() if one.startswith(BEFORE_WORD)}
    begins = marked or {n: one for n, one in tokens.items() if not one.startswith(INSIDE)}
    return {n for n, one in begins.items() if any(sign.isalnum() for sign in one)}


def _warning(unknown: list[str], words: int) -> str:
    named = ", ".join(word[:LONGEST] for word in unknown[:NAMED])
    more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
    are = "is" if len(unknown) == 1 else "are"
    return f"{len(unknown)} of {words} words {are} unknown to the model: {named}{more}"
