"""Rules of ml.hashing."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ml import hashing


@given(st.text(), st.sampled_from(["split", "sample"]))
def test_unit_lies_in_the_half_open_interval(text: str, salt: str) -> None:
    """A text's number is at least 0 and below 1."""
    assert 0 <= hashing.unit(text, salt) < 1


def test_unit_never_changes() -> None:
    """The number is part of every split that was ever made."""
    assert hashing.unit("a fine film", "split") == 0.0070518695476137205


def test_salts_are_independent() -> None:
    """Whether a row is in the sample says nothing about its split."""
    texts = [f"text {n}" for n in range(2000)]
    low = [text for text in texts if hashing.unit(text, "sample") < 0.5]

    share = sum(hashing.unit(text, "split") < 0.5 for text in low) / len(low)

    assert 0.45 < share < 0.55


def test_digest_of_a_folder_sees_names_and_contents(tmp_path: Path) -> None:
    """A name and a content change the digest; where the folder lies does not."""
    for folder, name, content in (
        ("a", "x", "1"),
        ("b", "x", "1"),
        ("c", "y", "1"),
        ("d", "x", "2"),
    ):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / name).write_text(content)
    first, same, renamed, changed = (hashing.digest(tmp_path / folder) for folder in "abcd")

    assert first == same
    assert len({first, renamed, changed}) == 3
