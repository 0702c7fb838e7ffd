"""Rules of skipping a composition whose inputs have not changed."""

from pathlib import Path

import pytest

from ml import unchanged

OUTPUT = Path("params.yaml")
DATA = Path("data.csv")


@pytest.fixture(name="project", autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with conf/, the result params.yaml and the input data.csv."""
    monkeypatch.chdir(tmp_path)
    Path("conf").mkdir()
    Path("conf/config.yaml").write_text("a: 1\n", encoding="utf-8")
    OUTPUT.write_text("a: 1\n", encoding="utf-8")
    DATA.write_text("text\n", encoding="utf-8")


def compose() -> None:
    """Pretend that params.yaml was just composed (pytest changes its variable for each phase)."""
    unchanged.remember(unchanged.sources(), {str(DATA): unchanged.look(DATA)}, OUTPUT)


def test_same_state_holds() -> None:
    """Nothing changed: nothing to compose."""
    compose()

    assert unchanged.holds(unchanged.sources(), OUTPUT)


@pytest.mark.parametrize("path", ["conf/config.yaml", "conf/new.yaml", "params.yaml", "data.csv"])
def test_any_changed_file_ends_it(path: str) -> None:
    """A change of the configuration, of its result or of a local input asks for composing."""
    compose()

    Path(path).write_text("b: 22\n", encoding="utf-8")

    assert not unchanged.holds(unchanged.sources(), OUTPUT)


@pytest.mark.parametrize("path", ["params.yaml", "data.csv", ".runs/compose.json"])
def test_a_missing_file_ends_it(path: str) -> None:
    """A result, an input or a note that is gone asks for composing."""
    compose()

    Path(path).unlink()

    assert not unchanged.holds(unchanged.sources(), OUTPUT)


def test_absent_input_that_appears_ends_it() -> None:
    """A local input that was not there counts once it is."""
    new = Path("new.csv")
    unchanged.remember(unchanged.sources(), {str(new): unchanged.look(new)}, OUTPUT)
    assert unchanged.holds(unchanged.sources(), OUTPUT)

    new.touch()

    assert not unchanged.holds(unchanged.sources(), OUTPUT)


def test_any_changed_variable_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration may refer to any environment variable, so each of them counts."""
    compose()

    monkeypatch.setenv("SOME_PATH", "/data")

    assert not unchanged.holds(unchanged.sources(), OUTPUT)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"sources": 1}'])
def test_broken_note_is_no_note(text: str) -> None:
    """A note that a killed run left behind never stops a composition."""
    compose()

    unchanged.STAMP.write_text(text, encoding="utf-8")

    assert not unchanged.holds(unchanged.sources(), OUTPUT)
