"""Windows of the log: which rows count, where one ends, and how long a drift has held."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drifted import DAY, table
from ml.config import Params
from mlops.core.errors import OperateError
from mlops.operate.drift import held, rows, source
from mlops.release.versions.registry import Version
from mlops.serving.engine import Prediction

GOOD = Prediction("positive", {"negative": 0.1, "positive": 0.9}, 5, False)
LIVE = Version("toy", "1", "run", {}, ())


def day(number: int, count: int = 4, **values: Any) -> pa.Table:
    """Return the log of a day."""
    return table(["a fine film"] * count, [GOOD] * count, number, **values)


def test_a_shadow_and_other_versions_do_not_count(tmp_path: Path) -> None:
    """They are left out, and counted."""
    roles, versions = ["live", "shadow", "live", "shadow"], ["1", "1", "2", "2"]
    pq.write_table(day(0, role=roles, version=versions), tmp_path / "a.parquet")

    log = source.of_version(source.read(str(tmp_path), 9), LIVE)

    assert log.table["request_id"].to_pylist() == ["0-0"]
    assert log.left_out == {"copies to a shadow": 2, "other versions (2)": 1}


def test_json_lines_are_read_as_parquet_is(tmp_path: Path) -> None:
    """As the service spools them: a time is a number of milliseconds."""
    found = day(0)
    lines = [{**row, "time": int(row["time"].timestamp() * 1000)} for row in found.to_pylist()]
    (tmp_path / "spool.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    pq.write_table(found, tmp_path / "a.parquet")

    both = source.read(str(tmp_path), 9)

    assert both.num_rows == 8
    assert both.slice(0, 4).equals(both.slice(4))


def test_of_a_long_log_the_last_days_are_read(tmp_path: Path) -> None:
    """Of folders that are named by date, as the log on S3 has them."""
    for number in range(4):
        folder = tmp_path / f"date=2026-11-0{number + 2}"
        folder.mkdir()
        pq.write_table(day(number), folder / "a.parquet")

    found = source.read(str(tmp_path), 2)["request_id"].to_pylist()

    assert sorted({name[0] for name in found}) == ["2", "3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.parquet", None, r"INPUT: .*none\.parquet"),
        ("a.parquet", b"not a table", r"a\.parquet is no log of requests"),
        ("a.jsonl", b'{"text": "x"}\n', r"no column 'request_id', only text"),
        ("a.jsonl", b"[]\n", r"a\.jsonl is no log of requests"),
    ],
)
def test_what_is_no_log_is_told(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """With the file and what it lacks."""
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(OperateError, match=message):
        source.read(str(tmp_path / name), 9)


def test_windows_end_at_multiples_of_their_length(params: Params) -> None:
    """So that a check at any moment of a day means the same day; a day without requests is one."""
    found = source.cut(pa.concat_tables([day(0), day(2, 3)]), params.drift)

    assert [one.table.num_rows for one in found] == [4, 0, 3]
    assert [one.start for one in found] == [DAY + timedelta(days=n) for n in range(3)]


def test_the_log_is_compared_up_to_the_last_whole_window(params: Params) -> None:
    """Not with what this morning has brought so far; without requests the last day is empty."""
    now = DAY + timedelta(days=2, hours=7)
    end = source.last_end(now, 24)

    found = source.cut(pa.concat_tables([day(0), day(2)]), params.drift, end)

    assert end == DAY + timedelta(days=2)
    assert [one.table.num_rows for one in found] == [0, 4, 0]
    assert found[-1].end == end


def test_a_large_window_is_drawn_by_whole_requests() -> None:
    """A list is compared whole or not at all."""
    listed = day(0, 600, request_id=[f"r{n // 6}" for n in range(600)])

    kept = rows.cap(listed, 200)["request_id"].to_pylist()

    assert 190 < len(kept) <= 200
    assert {kept.count(name) for name in kept} == {6}


def test_texts_that_some_requests_lack_are_none() -> None:
    """A log that began to keep them half way through a window compares none."""
    assert rows.from_table(day(0, text=["a", None, "b", "c"])).texts is None
    assert rows.from_table(day(0)).texts


def windows(**exceeded: list[str]) -> dict[str, list[str]]:
    """Return what days exceeded, `d2` being the third one."""
    return {
        (DAY + timedelta(days=int(name[1:]))).isoformat(): one for name, one in exceeded.items()
    }


@pytest.mark.parametrize(
    ("exceeded", "wanted"),
    [
        (windows(d0=["length"], d1=["length"], d2=["length"]), {"length": 3}),
        (windows(d0=["length"], d1=[], d2=["length"]), {"length": 1}),
        (
            windows(d0=["length"], d1=["unknown"], d2=["length", "unknown"]),
            {"length": 1, "unknown": 2},
        ),
        (windows(d0=["length"], d2=["length"]), {"length": 2}),  # d1: too few requests
        (windows(d0=["length"], d1=["length"], d2=[]), {}),
        (windows(d2=["length"], d3=["length"]), {"length": 1}),  # a newer one is of no concern
    ],
)  # fmt: skip
def test_a_drift_holds_for_windows_in_a_row(
    params: Params, exceeded: dict[str, list[str]], wanted: dict[str, int]
) -> None:
    """Of the same statistic, up to the newest window."""
    assert held.held(exceeded, DAY + timedelta(days=2), params.drift) == wanted


def test_what_is_long_past_begins_no_row(params: Params) -> None:
    """A window of last month and one of today are no two in a row."""
    exceeded = windows(d0=["length"], d30=["length"])

    assert held.held(exceeded, DAY + timedelta(days=30), params.drift) == {"length": 1}
