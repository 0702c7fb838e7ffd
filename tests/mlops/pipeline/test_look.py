"""Rules of mlops.pipeline.look: a look is bounded, and says whether it saw all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ml.config import Params
from mlops.core.errors import DataError
from mlops.pipeline.own_data import look

ROWS = [(f"film {number} was seen", ("neg", "pos")[number % 2]) for number in range(200)]


@pytest.fixture(name="make", autouse=True)
def _make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_params: Callable[..., Params]
) -> Callable[[str], Params]:
    """Return a function from a file to a configuration of its rows, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in ROWS))
    lines = "".join(f'{{"text": "{t}", "label": "{label}"}}\n' for t, label in ROWS)
    Path("rows.jsonl").write_text(lines)
    return lambda path: make_params(data={"train_path": path}, prepare={"sample": 0.1})


@pytest.mark.parametrize("path", ["rows.csv", "rows.jsonl"])
def test_small_data_are_seen_whole(path: str, make: Callable[[str], Params]) -> None:
    """As the stages would report them, without a trace in the folder."""
    params = make(path)
    seen = look.look(params, look.heads(params.data))

    assert (seen.labels, seen.whole) == (["neg", "pos"], True)
    assert sum(split["kept"] for split in seen.report["splits"].values()) == 200
    assert {one.name for one in Path().iterdir()} == {"rows.csv", "rows.jsonl"}


@pytest.mark.parametrize(
    ("path", "bound", "most"), [("rows.csv", "ROWS", 50), ("rows.jsonl", "BYTES", 2000)]
)
def test_of_long_data_the_beginning_is_read(
    path: str, bound: str, most: int, make: Callable[[str], Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of lines of JSON too, whose reader looks through all of them to know their keys."""
    monkeypatch.setattr(look, bound, most)
    with Path("rows.jsonl").open("a") as file:
        file.write("what is wrong behind it is the business of ingest\n")

    head = look.heads(make(path).data)["train"]

    assert not head.whole
    assert 40 <= head.rows.num_rows <= 50


def test_what_prepare_refuses_is_refused(make: Callable[[str], Params]) -> None:
    """In its own words."""
    with Path("rows.csv").open("a") as file:
        file.write("film 1 was seen,neg\n")
    params = make("rows.csv")

    with pytest.raises(DataError, match="a text that occurs with two labels"):
        look.look(params, look.heads(params.data))
