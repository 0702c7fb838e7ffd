"""Ask a running service at a fixed rate, and hold it to the objective of its environment.

Reads: conf/ (load_test), ENV, EXP, SET, URL or SERVICE_URL (else this machine: deploy.port, PORT),
    data/prepared/test.parquet, else the example and the behaviour tests of conf/
Writes: reports/load_test.json; exit code 1 where the objective is missed
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml import ask, compose, outputs, table
from ml.config import LoadTest, Params
from ml.errors import ServingError, run
from ml.gating.criteria import Check
from ml.loading.outcome import Outcome

REPORT = Path("reports/load_test.json")
TEST = Path("data/prepared/test.parquet")
LOCUST = Path(".venv/ci/bin/locust")
USERS = Path(__file__).parent / "loading" / "users.py"
MOST_TEXTS = 2000


def address(params: Params) -> str:
    """Return where the service is: what is named, what is deployed here, or `make serve`."""
    get = os.environ.get
    port = params.deploy.port if params.deploy.target == "podman" else get("PORT", "3000")
    return (get("URL") or get("SERVICE_URL") or f"http://127.0.0.1:{port}").rstrip("/")


def texts(params: Params) -> tuple[list[str], str]:
    """Return what to ask, and in words what that is."""
    if TEST.exists():
        import polars as pl  # noqa: PLC0415  takes a while where it is not needed

        found = pl.read_parquet(TEST, columns=["text"])["text"].head(MOST_TEXTS).to_list()
        return found, f"{len(found):,} texts of the test split"
    tests = params.evaluate.behaviour
    cases = [case.text for test in tests for case in test.cases or ()]
    pairs = [
        text for test in tests for pair in test.pairs or () for text in (pair.before, pair.after)
    ]
    found = [params.export.example, *cases, *pairs]
    return found, f"{len(found)} examples of conf/, as {TEST} is not here"


def measured(url: str, asked: list[str], wanted: LoadTest) -> Outcome:
    """Run Locust; return what it found."""
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(asked), encoding="utf-8")
        mine = {
            "LOAD_USERS": str(wanted.rate),
            "LOAD_TEXTS": str(folder / "texts.json"),
            "LOAD_SECONDS": str(wanted.seconds),
            "LOAD_OUTCOME": str(folder / "outcome.json"),
        }
        done = subprocess.run(
            [
                str(LOCUST.resolve()), "--locustfile", str(USERS), "--headless", "--host", url,
                "--users", str(wanted.rate), "--spawn-rate", str(wanted.rate),
                "--stop-timeout", "30",
                "--only-summary", "--exit-code-on-error", "0",
            ],
            env={**os.environ, **mine},
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ServingError(
                f"Locust should ask {url}, but ended with {done.returncode}: {done.stderr[-1000:]}"
            )
        return Outcome(**json.loads((folder / "outcome.json").read_text(encoding="utf-8")))


def known(url: str) -> dict[str, Any]:
    """Return what the service tells of itself."""
    try:
        with urllib.request.urlopen(f"{url}/info", timeout=30) as answer:
            told = json.load(answer)
            return {name: told.get(name) for name in ("name", "version", "model_sha256", "commit")}
    except (OSError, ValueError, AttributeError) as error:
        raise ServingError(
            f"{url}/info should tell what is served, but does not: {error}"
        ) from None


def report(outcome: Outcome, checks: list[Check]) -> list[str]:
    """Return the findings as a table, with what failed."""
    found = [
        ("ok" if check.passed else "NO", check.criterion, check.found, check.wanted)
        for check in checks
    ]
    quantiles = ", ".join(f"{name} {value:g} ms" for name, value in outcome.milliseconds.items())
    reasons = [f"{count} times: {reason}" for reason, count in outcome.reasons.items()]
    head = ("", "criterion", "found", "wanted")
    return [*table.lines(head, found), f"{outcome.requests:,} requests; {quantiles}", *reasons[:5]]


def main() -> None:
    """Ask for as long as the objective says, and judge."""
    params = compose.asked()
    environment = params.environment
    url, wanted = address(params), params.load_test
    ask.ask(url, params.export.example)
    service = known(url)
    asked, source = texts(params)
    sys.stdout.write(
        f"asking {url} {wanted.rate} times a second for {wanted.seconds} s, {source}\n"
    )
    sys.stdout.flush()
    outcome = measured(url, asked, wanted)
    checks = list(outcome.checks(wanted))
    passed = all(check.passed for check in checks)
    outputs.write_json(REPORT, {
        "passed": passed, "environment": environment, "url": url, "service": service,
        "objective": wanted.model_dump(), "texts": source, **asdict(outcome),
        "checks": [asdict(check) for check in checks],
    })  # fmt: skip
    sys.stdout.write("\n".join([*report(outcome, checks), f"written to {REPORT}", ""]))
    if not passed:
        missed = [f"{c.criterion}: {c.found}, expected {c.wanted}" for c in checks if not c.passed]
        raise ServingError(f"{url} misses the objective of {environment}: {'; '.join(missed)}")


if __name__ == "__main__":
    run(main)
