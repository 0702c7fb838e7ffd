"""What the doctor says of edited files of src/mlops, and that it knows what was released."""

from pathlib import Path

import pytest

import released
from common import ROOT
from mlops.core.paths import ANSWERS
from mlops.doctor import edited
from sickbed import told

CODE = Path("src/mlops/code.py")


@pytest.fixture(name="made")
def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a release that had one file."""
    monkeypatch.chdir(tmp_path)
    edited.LOCK.parent.mkdir(parents=True)
    CODE.write_text("one = 1\ntwo = 2\n")
    edited.LOCK.write_text(f"{edited.digest(CODE)}  {CODE}\n")
    ANSWERS.touch()
    return tmp_path


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_the_release_had_is_fine(ends: str) -> None:
    """Whatever line ends Git gives a file on this machine."""
    CODE.write_bytes(CODE.read_text().replace("\n", ends).encode())

    assert [told(one) for one in edited.edited()] == ["ok src/mlops 1 files are as released"]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("edit", [lambda: CODE.write_text("one = 2\n"), CODE.unlink])
def test_an_edited_file_is_named(edit: object) -> None:
    """And one that is gone, with what follows."""
    edit()  # type: ignore[operator]
    (found,) = edited.edited()

    assert found.state == "note"
    assert f"changed since the release: {CODE} -> an update that changes them will" in told(found)


def test_the_template_has_no_release(made: Path) -> None:
    """There all files are being edited."""
    (made / ANSWERS).unlink()

    assert list(edited.edited()) == []


def test_the_hashes_are_those_of_the_code() -> None:
    """A project gets them with the code: `make draw` writes them."""
    assert (ROOT / edited.LOCK).read_text() == released.text()
