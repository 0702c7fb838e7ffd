"""Ask a running service at a fixed rate, and hold it to the objective of its environment.

With SWEEP=1 ask at rising rates instead, and find the knee (mlops.client.load_sweep).

Reads: conf/ (load_test), ENV, EXP, SET, SWEEP, IMAGE (with SWEEP), URL or SERVICE_URL (else this
    machine: deploy.port, PORT), data/prepared/test.parquet, else the example and the behaviour
    tests of conf/
Writes: reports/load_test.json; exit code 1 where the objective is missed
"""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlops.client import address, exchange, load_generator, load_outcome, load_sweep, predict
from mlops.client.address import Address
from mlops.client.load_outcome import Outcome
from mlops.client.response import is_info
from mlops.config.operating import LoadTest
from mlops.config.schema import Params
from mlops.core import files, outputs, table
from mlops.core.checks import Check
from mlops.core.errors import ServingError, run
from mlops.pipeline import compose

REPORT = Path("reports/load_test.json")
TEST = Path("data/prepared/test.parquet")
MOST_TEXTS = 2000


def service(params: Params) -> Address:
    """Return where the service is: what is named, what is deployed here, or `make serve`."""
    deployed = str(params.deploy.port) if params.deploy.target == "podman" else ""
    return address.asked("URL", "SERVICE_URL", port=deployed)


def texts(params: Params) -> tuple[list[str], str]:
    """Return what to ask, and in words what that is."""
    if TEST.exists():
        found = files.read_parquet(TEST, "text", only=True)["text"].head(MOST_TEXTS).to_list()
        return found, f"{len(found):,} texts of the test split"
    tests = params.evaluate.behaviour
    cases = [case.text for test in tests for case in test.cases or ()]
    pairs = [
        text for test in tests for pair in test.pairs or () for text in (pair.before, pair.after)
    ]
    found = [params.export.example, *cases, *pairs]
    return found, f"{len(found)} examples from conf/, since there is no {TEST}"


def measured(where: Address, asked: list[str], wanted: LoadTest) -> Outcome:
    """Run Locust; return what it found."""
    due = load_generator.even(wanted.rate, wanted.seconds)
    return load_outcome.of(load_generator.send(where, asked, due))


def known(where: Address) -> dict[str, Any]:
    """Return what the service says about itself."""
    found = exchange.ask(where, "/info", form=is_info)
    return {name: found.get(name) for name in ("name", "version", "model_sha256", "commit")}


def report(found: Outcome, checks: list[Check]) -> list[str]:
    """Return the findings as a table, with what failed."""
    rows = [
        ("ok" if check.passed else "NO", check.criterion, check.found, check.wanted)
        for check in checks
    ]
    reasons = [f"{count} times: {reason}" for reason, count in found.reasons.items()]
    return [
        *table.lines(("", "criterion", "found", "wanted"), rows),
        f"{found.requests:,} requests; {figures(found.milliseconds)}, each from when it was due",
        f"load generator late by {figures(found.generator_late)}",
        *reasons[:5],
    ]


def figures(milliseconds: dict[str, float]) -> str:
    """Return quantiles in a line."""
    return ", ".join(f"{name} {value:.1f} ms" for name, value in milliseconds.items())


def check(found: Outcome, wanted: LoadTest, name: str) -> str:
    """Return the sentence of a run that is not passed; nothing where it is."""
    missed = [
        f"{check.criterion}: {check.found}, expected {check.wanted}"
        for check in found.checks(wanted)
        if not check.passed
    ]
    if not missed:
        return ""
    if doubt := found.doubt(wanted):
        return (
            f"this run says nothing about {name}: {doubt}. Run it again on a machine with a free "
            "core"
        )
    return f"{name} misses its objective: {'; '.join(missed)}"


def main() -> None:
    """Ask for as long as the objective says, and check what was found."""
    params = compose.asked()
    where, wanted = service(params), params.load_test
    predict.ask(where, params.export.example)
    serves = known(where)
    asked, source = texts(params)
    if os.environ.get("SWEEP"):
        load_sweep.sweep(params, where, asked, serves)
        return
    sys.stdout.write(
        f"asking {where} {wanted.rate} times a second for {wanted.seconds} s, {source}\n"
    )
    sys.stdout.flush()
    found = measured(where, asked, wanted)
    checks = list(found.checks(wanted))
    wrong = check(found, wanted, f"{where} ({params.environment})")
    outputs.write_json(REPORT, {
        "passed": not wrong, "valid": not found.doubt(wanted), "conclusion": wrong,
        "environment": params.environment, "url": str(where), "service": serves,
        "objective": wanted.model_dump(), "texts": source, **asdict(found),
        "checks": [asdict(check) for check in checks],
    })  # fmt: skip
    sys.stdout.write("\n".join([*report(found, checks), f"written to {REPORT}", ""]))
    if wrong:
        raise ServingError(wrong)


if __name__ == "__main__":
    run(main)
