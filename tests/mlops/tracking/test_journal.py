"""Rules of mlops.tracking.journal."""

import fcntl
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.tracking.journal import Journal, list_journals


@pytest.fixture(name="journal")
def _journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.chdir(tmp_path)
    journal = Journal("dev")
    journal.folder.mkdir(parents=True)
    return journal


def test_entries_come_in_the_order_of_writing(journal: Journal) -> None:
    """Each with the place from which the next one is read."""
    for step in (1, 2, 3):
        journal.append("metrics", step=step, values={"loss": 1.0 / step})
    (first, _), *_ = journal.entries()

    assert [entry["step"] for _, entry in journal.entries(first)] == [2, 3]


def test_numbers_that_are_none_survive(journal: Journal) -> None:
    """A loss that became infinite is told as such."""
    journal.append("metrics", step=1, values={"loss": float("inf"), "norm": float("nan")})
    ((_, entry),) = journal.entries()

    assert entry["values"]["loss"] == float("inf")
    assert entry["values"]["norm"] != entry["values"]["norm"]


def test_a_line_that_a_kill_cut_short_is_taken_back(journal: Journal) -> None:
    """What was whole stays, and what comes next can be read."""
    journal.append("metrics", step=1, values={"loss": 0.5})
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "metr')
    assert len(list(journal.entries())) == 1

    with journal.lock():
        journal.append("metrics", step=2, values={"loss": 0.4})

    assert [entry["step"] for _, entry in journal.entries()] == [1, 2]


def test_a_line_that_finds_no_room_is_taken_back(journal: Journal) -> None:
    """What is written once there is room again can be read."""
    journal.append("metrics", step=1, values={"loss": 0.5})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 10, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.append("metrics", step=2, values={"loss": 0.4})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.append("metrics", step=3, values={"loss": 0.3})

    assert [entry["step"] for _, entry in journal.entries()] == [1, 3]


def test_what_was_written_survives_the_kill_of_its_process(journal: Journal) -> None:
    """Nothing waits in the process."""
    script = f"""
import os, signal
from mlops.tracking.journal import Journal
journal = Journal("dev", {journal.name!r})
for step in range(100):
    journal.append("metrics", step=step, values={{"loss": 0.5}})
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)

    assert journal.last_steps() == {"loss": 99}


def test_a_journal_has_one_holder(journal: Journal) -> None:
    """Who finds it held leaves it alone."""
    journal.append("run")
    with (journal.folder / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with journal.lock(wait=False) as mine:
            assert not mine
    with journal.lock(wait=False) as mine:
        assert mine


def test_an_attached_folder_is_kept_as_it_was(journal: Journal, tmp_path: Path) -> None:
    """A report that the next run overwrites is still what the run told."""
    report = tmp_path / "reports"
    report.mkdir()
    (report / "report.html").write_text("first")
    journal.attach(report, "reports")
    (report / "report.html").write_text("second")
    ((_, entry),) = journal.entries()

    assert (journal.files(entry) / "report.html").read_text() == "first"


def test_each_store_has_its_own_progress(journal: Journal) -> None:
    """A run is at several places, and none of them hides what another lacks."""
    journal.append("run")
    journal.set_target("sqlite:", True)
    journal.mark("sqlite:", run_id="a", end=journal.path.stat().st_size)

    assert not journal.is_unsent("sqlite:")
    assert journal.is_unsent("http://server")


def test_only_a_run_that_ended_well_is_over(journal: Journal) -> None:
    """One that failed is resumed in its journal."""
    journal.append("run")
    assert not journal.is_finished()
    journal.append("status", value="FAILED")
    assert not journal.is_finished()
    journal.append("status", value="FINISHED")
    assert journal.is_finished()


@pytest.mark.usefixtures("journal")
def test_environments_have_their_own_journals() -> None:
    """What dev records is not qa's to send."""
    qa = Journal("qa")
    with qa.lock():
        qa.append("run")

    assert [journal.name for journal in list_journals("qa")] == [qa.name]
    assert list_journals("dev") == []
