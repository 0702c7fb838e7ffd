"""What ships logged requests, and what reads them: each prediction arrives once."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import logged
from ml.config import Params
from mlops.core.errors import OperateError
from mlops.operate.requests import keys, read
from mlops.operate.requests.shipper import Shipper
from mlops.operate.requests.store import Folder, open_store
from mlops.serving.request_log.spool import Spool

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(name="params")
def _params(make_params: Callable[..., Params], tmp_path: Path) -> Params:
    """A configuration whose store is a folder."""
    return make_params(environment="prod", request_log={"url": str(tmp_path / "store")})


def shipper(tmp_path: Path) -> Shipper:
    """Ship the spool of a test into its folder."""
    return Shipper(tmp_path / "spool", Folder(tmp_path / "store"), "prod")


def names(params: Params) -> list[str]:
    """Return the request ids that the reader finds, of all days."""
    return [str(name) for name in read(params, NOON - 9 * DAY, NOON + 9 * DAY)["request_id"]]


def test_what_was_logged_is_read(params: Params, tmp_path: Path) -> None:
    """With its time, its numbers and its text; the spool is empty then."""
    logged.spool(tmp_path / "spool", [logged.lines("a", NOON, "fine film", positive=0.75)])
    assert shipper(tmp_path).ship() == 1
    (row,) = read(params, NOON, NOON + DAY).to_pylist()

    assert list((tmp_path / "spool").iterdir()) == []
    assert row["time"] == NOON
    assert (row["request_id"], row["item"], row["version"], row["role"]) == ("a", 0, "7", "live")
    assert (row["label"], row["confidence"], row["probabilities"]) == (
        "positive",
        0.75,
        [0.25, 0.75],
    )
    assert (row["text"], row["chars"], row["truncated"]) == ("fine film", 9, False)


def test_a_file_over_midnight_goes_to_both_days(params: Params, tmp_path: Path) -> None:
    """A day's folder holds that day's rows."""
    late = NOON.replace(hour=23, minute=59, second=59)
    logged.spool(tmp_path / "spool", [logged.lines("a", late), logged.lines("b", late + DAY / 2)])
    shipper(tmp_path).ship()
    found = {str(keys.day(key)) for key, _ in Folder(tmp_path / "store").list("requests/prod/")}

    assert found == {"2026-11-28", "2026-11-29"}
    assert names(params) == ["a", "b"]


@pytest.mark.parametrize("uploads", [1, 2])
def test_a_second_upload_duplicates_nothing(
    params: Params, tmp_path: Path, uploads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shipper killed after any of its uploads writes the same objects again."""
    late = NOON.replace(hour=23, minute=59, second=59)
    logged.spool(tmp_path / "spool", [logged.lines("a", late), logged.lines("b", late + DAY / 2)])
    write, written = Folder.write, []

    def killed_then(store: Folder, key: str, content: bytes) -> None:
        write(store, key, content)
        written.append(key)
        if len(written) == uploads:
            raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "write", killed_then)
    with pytest.raises(KeyboardInterrupt):
        shipper(tmp_path).ship()
    monkeypatch.undo()
    before = _objects(tmp_path)
    shipper(tmp_path).ship()

    assert len(before) == uploads
    assert before.items() <= _objects(tmp_path).items()
    assert len(_objects(tmp_path)) == 2
    assert names(params) == ["a", "b"]


def _objects(tmp_path: Path) -> dict[str, bytes]:
    store = Folder(tmp_path / "store")
    return {key: store.read(key) or b"" for key, _ in store.list("requests/")}


def test_an_open_file_is_left_alone_and_a_killed_workers_is_not(
    params: Params, tmp_path: Path
) -> None:
    """A lock tells the two apart, in whichever container they are."""
    folder = tmp_path / "spool"
    folder.mkdir()
    living = Spool(folder, 10**9, seconds=60)
    living.write(logged.lines("living", NOON))
    script = (
        "import sys, signal, os; from pathlib import Path\n"
        "from mlops.serving.request_log.spool import Spool\n"
        "Spool(Path(sys.argv[1]), 10**9, 60).write(sys.stdin.buffer.read())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(words, input=logged.lines("dead", NOON), check=False)
    shipper(tmp_path).ship()
    found = names(params)
    living.close()
    shipper(tmp_path).ship()

    assert done.returncode == -signal.SIGKILL
    assert found == ["dead"]
    assert names(params) == ["dead", "living"]


def test_a_torn_line_is_told_and_harms_no_other(
    params: Params, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a machine leaves it that lost its power."""
    whole = logged.lines("a", NOON)
    odd = whole.replace(b'"item":0', b'"item":"first"')
    logged.spool(tmp_path / "spool", [whole, odd, b"[]\n", b"\0\0\0\n", whole[:-20]])
    shipper(tmp_path).ship()

    assert "4 lines are torn" in caplog.text
    assert names(params) == ["a"]


def test_a_request_that_was_sent_again_counts_once(params: Params, tmp_path: Path) -> None:
    """The first one; a shadow's answer to it is another thing, and read only when asked for."""
    minute = timedelta(minutes=1)
    logged.spool(
        tmp_path / "spool",
        [
            logged.lines("a", NOON + minute, version="8", role="canary"),
            logged.lines("a", NOON, positive=0.75),
            logged.lines("a", NOON + minute, positive=0.25),
            logged.lines("a", NOON, version="9", role="shadow"),
        ],
    )
    shipper(tmp_path).ship()
    window = (NOON, NOON + DAY)
    live = read(params, *window, roles=("live",)).to_pylist()
    every = read(params, *window, roles=("live", "canary", "shadow")).to_pylist()

    assert [row["confidence"] for row in live] == [0.75]
    assert [row["role"] for row in every] == ["live", "shadow", "canary"]
    assert [row["role"] for row in read(params, *window, version="8").to_pylist()] == ["canary"]
    assert read(params, *window, version="9").num_rows == 0


def test_a_window_holds_its_start_and_not_its_end(params: Params, tmp_path: Path) -> None:
    """So that windows side by side count each prediction once."""
    logged.spool(tmp_path / "spool", [logged.lines("a", NOON), logged.lines("b", NOON + DAY)])
    shipper(tmp_path).ship()

    assert read(params, NOON, NOON + DAY)["request_id"].to_pylist() == ["a"]
    assert read(params, NOON + DAY, NOON + 2 * DAY)["request_id"].to_pylist() == ["b"]
    assert read(params, NOON - DAY, NOON).num_rows == 0


def test_an_environment_reads_its_own(
    params: Params, make_params: Callable[..., Params], tmp_path: Path
) -> None:
    """Also where two share a store."""
    logged.spool(tmp_path / "spool", [logged.lines("a", NOON)])
    shipper(tmp_path).ship()
    qa = make_params(environment="qa", request_log={"url": params.request_log.url})

    assert names(qa) == []


def test_a_store_of_another_kind_is_refused() -> None:
    """With what was expected."""
    with pytest.raises(OperateError, match=r"expected s3://.*found gs://logs"):
        open_store("gs://logs")
