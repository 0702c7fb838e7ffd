"""The issue about drift, against a small GitHub on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import github_api
from github_api import Store
from mlops.ci import drift
from mlops.core.errors import HostError

FOUND: dict[str, Any] = {
    "environment": "prod", "version": "classifier version 3", "verdict": "drift",
    "sentence": "drift: length beyond the bound in 3 windows in a row",
    "window": {"start": "2026-11-02T00:00:00+00:00", "end": "2026-11-03T00:00:00+00:00"},
    "rows": 1200, "left_out": {},
    "statistics": {"length": {"distance": 0.4, "low": 0.31, "max": 0.2, "windows": 3}},
    "unavailable": {"embedding": "the log holds no texts"}, "moved": [["refund", 0.0, 0.4]],
}  # fmt: skip


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """The host, and the variables of a job that lead to it."""
    monkeypatch.chdir(tmp_path)
    drift.FOLDER.mkdir(parents=True)
    with github_api.running() as store:
        variables = {
            "GITHUB_TOKEN": github_api.TOKEN, "GITHUB_REPOSITORY": github_api.REPOSITORY,
            "GITHUB_API_URL": store.url, "GITHUB_RUN_ID": "5", "ENV": "prod",
            "GITHUB_SERVER_URL": "https://example.com",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        store.lists["/issues"] = []
        yield store


def write(**changed: Any) -> None:
    """Write what a check has found."""
    (drift.FOLDER / "prod.json").write_text(json.dumps(FOUND | changed))


def test_drift_opens_one_issue(store: Store) -> None:
    """With the figures, the report, and what trains again; the next day adds to it."""
    write()

    drift.main()
    drift.main()

    [issue] = store.lists["/issues"]
    assert issue["title"] == "Drift in prod"
    assert "| length | 0.400 | 0.310 | 0.200 | 3 |" in issue["body"]
    assert "https://example.com/team/project/actions/runs/5#artifacts" in issue["body"]
    assert "https://example.com/team/project/actions/workflows/main.yml" in issue["body"]
    assert "make train ENV=prod REFRESH=1" in issue["body"]
    assert len(store.lists[f"/issues/{issue['number']}/comments"]) == 1


def test_no_word_of_a_request_becomes_public(store: Store) -> None:
    """An issue has more readers than a log of requests."""
    write()

    drift.main()

    assert "refund" not in store.lists["/issues"][0]["body"]


@pytest.mark.parametrize("verdict", ["no drift", "too few requests"])
def test_what_is_no_drift_opens_none(
    verdict: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is on the page of the run."""
    write(verdict=verdict, sentence=verdict, statistics={})

    drift.main()

    assert store.calls == []
    assert verdict in capsys.readouterr().out


@pytest.mark.usefixtures("store")
def test_a_check_that_failed_fails_the_job() -> None:
    """It leaves no report."""
    with pytest.raises(HostError, match=r"prod\.json is missing: the check has failed"):
        drift.main()
