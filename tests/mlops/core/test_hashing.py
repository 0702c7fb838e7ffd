"""Rules of mlops.core.hashing."""

from pathlib import Path

import pytest
from dvc.repo import Repo
from hypothesis import given
from hypothesis import strategies as st

from mlops.core import hashing


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


def test_dvc_hashes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and a folder with folders have the names by which DVC keeps them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "folder"
    for name, text in (("b", "1"), ("a/c.txt", "2"), ("a.txt", "é"), ("ü", "3")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    repo = Repo.init(no_scm=True)
    repo.add(["folder/b"], no_commit=True)
    file = (tmp_path / "folder" / "b.dvc").read_text()
    (tmp_path / "folder" / "b.dvc").unlink()
    repo.add(["folder"], no_commit=True)

    assert hashing.dvc(folder / "b") in file
    assert hashing.dvc(folder) in (tmp_path / "folder.dvc").read_text()


def test_a_file_can_be_left_out_of_a_folder(tmp_path: Path) -> None:
    """What was added later does not count."""
    (tmp_path / "a").write_text("1")
    before = hashing.dvc(tmp_path)
    (tmp_path / "later").write_text("2")

    assert hashing.dvc(tmp_path) != before
    assert hashing.dvc(tmp_path, leaving=("later",)) == before
