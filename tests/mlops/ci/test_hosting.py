"""What CI tells GitHub, against a small GitHub on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import github_api
from github_api import Store
from mlops.ci import (
    comment,
    failure,
    findings,
    github_release,
    markdown,
    publish,
    release_notes,
    summary,
)
from mlops.ci.github import GitHub
from mlops.core import ci_job
from mlops.core.errors import HostError

SHA = "c0ffee" * 6 + "abcd"
FOUND: dict[str, Any] = {
    "experiment": "xlnet", "base": "default at origin/qa", "commit": SHA, "target": "qa",
    "missing": None, "minutes": 3.0,
    "figures": [{"name": "accuracy", "before": 0.9, "after": 0.925}],
    "values": [{"name": "training.epochs", "before": "2", "after": "3"}],
    "gate": [{"name": "accuracy", "passed": True, "found": "0.9250", "wanted": "at least 0.8"}],
    "curve": {"before": [0.5, 0.4], "after": [0.5, 0.3]},
}  # fmt: skip


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """The host, and the variables of a job that lead to it."""
    monkeypatch.chdir(tmp_path)
    with github_api.running() as store:
        variables = {
            "GITHUB_TOKEN": github_api.TOKEN, "GITHUB_REPOSITORY": github_api.REPOSITORY,
            "GITHUB_API_URL": store.url, "RUN_ID": "5", "HEAD_SHA": SHA, "GITHUB_RUN_ID": "5",
            "GITHUB_SERVER_URL": "https://example.com",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        store.lists["/actions/runs/5/jobs"] = [
            {"started_at": "2026-11-25T10:00:00Z", "completed_at": "2026-11-25T10:06:00Z"},
            {"started_at": "2026-11-25T10:00:00Z", "completed_at": "2026-11-25T10:01:30Z"},
            {"started_at": "2026-11-25T10:00:00Z", "completed_at": None},
        ]
        yield store


def pull(number: int, sha: str) -> dict[str, Any]:
    """Return an open pull request as GitHub tells of it."""
    base = {"repo": {"full_name": github_api.REPOSITORY}}
    return {"number": number, "head": {"sha": sha}, "base": base}


def write(**changes: Any) -> None:
    """Write findings as `make review` does."""
    findings.FILE.parent.mkdir(exist_ok=True)
    findings.FILE.write_text(json.dumps({**FOUND, **changes}))


def test_a_comment_is_written_once_and_renewed(store: Store) -> None:
    """On the pull request whose last commit the run was of, with the minutes of all its jobs."""
    store.lists["/pulls"] = [*(pull(n, "0" * 40) for n in range(100, 230)), pull(7, SHA)]
    bot, person = {"type": "Bot"}, {"type": "User"}
    fake = {"id": 50, "user": person, "body": f"{markdown.MARK} mine"}
    store.lists["/issues/7/comments"] = [fake]
    write()

    comment.main()
    made = store.lists["/issues/7/comments"][1]
    made["user"] = bot
    write(figures=[{"name": "accuracy", "before": 0.9, "after": 0.7}])
    comment.main()

    assert len(store.lists["/issues/7/comments"]) == 2
    assert "| accuracy | 0.9 | 0.7 | -0.2 |" in made["body"]
    assert "7.5 CI minutes" in made["body"]
    assert fake["body"] == f"{markdown.MARK} mine"


def test_a_run_that_was_overtaken_comments_nowhere(store: Store) -> None:
    """Another commit is the last one now."""
    store.lists["/pulls"] = [pull(7, "0" * 40)]
    write()

    with pytest.raises(HostError, match="newer commit was pushed"):
        comment.main()

    assert store.calls == []


@pytest.mark.parametrize(
    "change",
    [
        {"commit": "$(id)"},
        {"more": 1},
        {"minutes": "many"},
        {"figures": [{"name": "x" * 300, "before": 1, "after": 2}]},
        {"values": [{"name": "a", "before": None, "after": None}] * 301},
    ],
)
def test_findings_of_a_stranger_are_checked(store: Store, change: dict[str, Any]) -> None:
    """They come out of an artifact that a pull request has made."""
    store.lists["/pulls"] = [pull(7, SHA)]
    write(**change)

    with pytest.raises(HostError, match=r"review\.json is no review"):
        comment.main()

    assert store.calls == []


def test_a_text_of_a_stranger_stays_text() -> None:
    """No link, no picture, no person who is called, no way out of the table."""
    evil = "a|b\n\n# c <img src=x> ![x](https://e.vil) @team `x` </details> https://e.vil [a](b)"
    found = findings.Findings.model_validate(
        {
            **FOUND,
            "values": [{"name": evil[:100], "before": evil, "after": "1"}],
            "experiment": "@x",
        }
    )
    text = markdown.render(found)

    for sign in ("<img", "@team", "@x", "https://e", "![", "](", "`x`", "a|b", "\n# c"):
        assert sign not in text, sign
    assert text.count("</details>") == text.count("<details>")


def test_what_both_sides_lack_is_told(tmp_path: Path) -> None:
    """A base that cannot be trained, an experiment without a change."""
    found = findings.Findings.model_validate(
        {**FOUND, "missing": "its pipeline fails", "values": []}
    )
    text = markdown.render(found)

    assert "No metrics for default at origin/qa: its pipeline fails" in text
    assert "The configuration is unchanged." in text


def test_a_failure_is_told_in_one_issue(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is open, the next failure is told there."""
    monkeypatch.setenv("TITLE", "The nightly run fails")
    store.lists["/issues"] = [{"title": "The nightly run fails", "number": 3, "pull_request": {}}]

    failure.main()
    failure.main()

    assert [issue["title"] for issue in store.lists["/issues"][1:]] == ["The nightly run fails"]
    number = store.lists["/issues"][1]["number"]
    assert "team/project/actions/runs/5" in store.lists[f"/issues/{number}/comments"][0]["body"]


def test_a_release_is_made_and_made_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes as its text, all else as files; a second time nothing is there twice."""
    monkeypatch.setenv("TAG", "v1.0")
    release_notes.FOLDER.mkdir(parents=True)
    for name in ("notes.md", "sbom.json", "model_card.md"):
        (release_notes.FOLDER / name).write_text(f"{name} 1")

    github_release.main()
    made = store.lists["/releases"][0]
    made["assets"] = [{"id": 71, "name": "sbom.json"}]
    (release_notes.FOLDER / "notes.md").write_text("notes 2")
    github_release.main()

    sent = [(path, body) for method, path, body in store.calls if path.startswith("/uploads")]
    assert (f"/uploads/{made['id']}/assets?name=sbom.json", "sbom.json 1") in sent
    assert len(sent) == 4
    assert len(store.lists["/releases"]) == 1
    assert made["body"] == "notes 2"
    assert ("DELETE", "/releases/assets/71", "") in store.calls


def test_a_token_that_may_not_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what GitHub says, and without the token."""
    store.refuse = 403
    monkeypatch.setenv("TITLE", "x")

    with pytest.raises(HostError, match=r"403.*not accessible.*permissions") as told:
        failure.main()

    assert github_api.TOKEN not in str(told.value)


def test_nobody_named_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locally the variables of a job are missing."""
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(HostError, match="GITHUB_REPOSITORY"):
        GitHub.here()


def test_what_there_is_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind is a module with a `main`; another word is refused."""
    monkeypatch.setenv("WHAT", "all")

    with pytest.raises(HostError, match="summary, comment, release, failure, drift"):
        publish.main()


GATE = {
    "verdict": "accepted", "challenger": "xlnet version 12", "champion": "xlnet version 9",
    "checks": [{"criterion": "accuracy", "passed": True, "found": "0.9", "wanted": "at least 0.8"}],
}  # fmt: skip


def test_a_summary_hands_on_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To later jobs of GitHub and of GitLab, with figures and verdict for people."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHAT", "summary")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))
    (tmp_path / "reports").mkdir()
    summary.GATE.write_text(json.dumps(GATE))
    (tmp_path / "reports" / "metrics.json").write_text(json.dumps({"accuracy": 0.93, "x": 1}))

    publish.main()

    assert (tmp_path / "output").read_text() == "version=12\n"
    assert summary.VARIABLES.read_text() == "VERSION=12\n"
    assert "accuracy 0.9300" in (tmp_path / "page").read_text()
    assert "xlnet version 12 is accepted, against xlnet version 9" in summary.TEXT.read_text()


def test_a_summary_hands_on_no_version_in_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was judged, and nothing of a job is needed to tell so."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    summary.main()
    ci_job.hand_on("version", "1")

    assert summary.VARIABLES.read_text() == ""


def test_a_load_test_that_judged_nothing_is_no_miss() -> None:
    """It is told as what it is, with the reason."""
    load = {"passed": False, "valid": False, "conclusion": "the generator was late",
            "objective": {"rate": 5, "seconds": 60}, "checks": []}  # fmt: skip

    text = "\n".join(summary.lines({}, {}, load, {}))

    assert "inconclusive" in text
    assert "the generator was late" in text
    assert "misses" not in text


def test_a_rejected_version_is_not_handed_on() -> None:
    """The gate has stopped the job before; this is the second lock on the door."""
    with pytest.raises(Exception, match="nothing may be deployed"):
        summary.version({**GATE, "verdict": "rejected"})
