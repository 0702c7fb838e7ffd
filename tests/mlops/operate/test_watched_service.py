"""Rules and alerts on a real Prometheus and Alertmanager, of a real service and proxy. Slow."""

import json
import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

import answering
import served
from ml.config import Params
from mlops.operate.monitoring import alertmanager as routes
from mlops.operate.monitoring import rules
from mlops.operate.monitoring.panels import ROWS
from mlops.operate.prometheus import Prometheus
from prometheus_server import EACH, alertmanager, eventually, prometheus
from small_proxy import small_proxy
from small_service import small_service

pytestmark = pytest.mark.integration
FACTOR = 1 / 300  # an hour in 12 s
DRIFT = "".join(
    f'mlops_drift_{name}{{environment="prod"{more}}} {value}\n'
    for name, more, value in (
        ("alarm", "", 0),
        ("window_end_seconds", "", 1e9),
        ("distance", ',statistic="label"', 0.1),
        ("max", ',statistic="label"', 0.15),
    )
)
SELECTOR = re.compile(r"([a-z]\w+(?:[\w:]*\w)?)(\{[^{}]*\})")


@dataclass
class Stack:
    """What runs."""

    service: served.Client
    proxy: served.Client
    server: Prometheus
    hook: answering.Server
    alerts: str
    groups: dict[str, Any]

    @property
    def received(self) -> list[dict[str, Any]]:
        """The alerts that Alertmanager sent."""
        bodies = [json.loads(one.partition("\r\n\r\n")[2]) for one in self.hook.requests]
        return [alert for body in bodies for alert in body["alerts"]]


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> Iterator[Stack]:
    """A service that is easily too busy, its proxy, and who watches both."""
    folder = tmp_path_factory.mktemp("watched")
    objectives = values["objectives"] | {"min_requests": 20}
    params = Params.model_validate({**values, "environment": "prod", "objectives": objectives})
    windows = replace(rules.windows(params).scaled(FACTOR), tick=0.2)
    groups = rules.groups(params, windows)
    with (
        small_service(folder / "service", "7", queue_size=2) as service,
        small_proxy(folder / "proxy", service.port) as ports,
        answering.serve(answering.http(200)) as hook,
        answering.serve(answering.http(200, DRIFT, "text/plain")) as drift,
        alertmanager(
            folder / "alertmanager",
            routes.config({routes.PEOPLE: f"http://127.0.0.1:{hook.port}/"}, FACTOR),
        ) as address,
        prometheus(
            folder / "prometheus",
            scraped(service.port, ports[1], drift.port) | sending(address),
            groups,
        ) as server,
    ):
        eventually(lambda: server.value("sum(up)") == 3)
        yield Stack(service, served.Client(ports[0]), server, hook, address, groups)


@pytest.fixture(name="traffic", scope="module")
def _traffic(stack: Stack) -> None:
    """Some of each kind, through the proxy."""
    for text in ["the film was good", "bad", "qwertz", "film " * 50, ""] * 10:
        stack.proxy.predict({"text": text})
    stack.proxy.get("/info")


def scraped(service: int, proxy: int, drift: int) -> dict[str, Any]:
    """Return what Prometheus scrapes."""
    pod = {"environment": "prod", "pod": "prod-blue", "role": "live"}
    jobs = {"model-server": (service, pod), "proxy": (proxy, {"environment": "prod"}),
            "drift": (drift, {})}  # fmt: skip
    return {
        "global": {"scrape_interval": EACH, "scrape_timeout": EACH, "evaluation_interval": EACH},
        "scrape_configs": [
            {
                "job_name": name,
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": labels}],
            }
            for name, (port, labels) in jobs.items()
        ],
    }


def sending(address: str) -> dict[str, Any]:
    """Return where Prometheus sends alerts."""
    return {"alerting": {"alertmanagers": [{"static_configs": [{"targets": [address]}]}]}}


@pytest.mark.usefixtures("traffic")
def test_every_expression_of_the_rules_has_data(stack: Stack) -> None:
    """What each one reads is there: a metric or label of another name would never fire."""
    found = [rule for group in stack.groups["groups"] for rule in group["rules"]]
    selectors = {"".join(one) for rule in found for one in SELECTOR.findall(rule["expr"])}
    recorded = {rule["record"] for rule in found if "record" in rule}
    eventually(lambda: all(stack.server.value(f"count({one})") for one in recorded))
    absent = {
        one
        for one in selectors
        if not any(part in one for part in ('code=~"5..', 'code="5', 'role="canary"'))
        and not stack.server.vector(f"count({one})")
    }

    assert absent == set()


@pytest.mark.usefixtures("traffic")
def test_every_picture_of_the_dashboard_has_data(stack: Stack) -> None:
    """A finite number from each expression, as Grafana asks it."""
    hour = {rule["record"].replace("increase12s", "increase1h"): rule["record"]
            for group in stack.groups["groups"] for rule in group["rules"]
            if "increase12s" in rule.get("record", "")}  # fmt: skip
    values = {"$environment": "prod", "$__rate_interval": "10s", **hour}
    expressions = [line for row in ROWS.values() for panel in row for line, _ in panel.lines]
    absent = []
    for expression in expressions:
        asked = expression
        for name, value in values.items():
            asked = asked.replace(name, value)
        stack.proxy.predict({"text": "the film was qwertz"})
        found = stack.server.vector(asked)
        if not any(math.isfinite(one.value) for one in found):
            absent.append(expression)

    assert absent == []


@pytest.mark.usefixtures("traffic")
def test_an_alert_arrives_at_its_receiver(stack: Stack) -> None:
    """From requests that get 503, through rule and route, to a webhook, with its runbook."""
    body = {"texts": ["film " * 15] * 200}

    def burning() -> list[dict[str, Any]]:
        names = [one["labels"]["alertname"] for one in stack.received]
        return [stack.received[n] for n, name in enumerate(names) if name.startswith("Avail")]

    def overload() -> bool:
        with ThreadPoolExecutor(12) as clients:
            codes = list(clients.map(lambda _: stack.proxy.predict(body)[0], range(36)))
        assert 503 in codes
        return bool(burning())

    assert burning() == []
    eventually(overload, 60)
    alert = burning()[0]
    assert alert["labels"]["severity"] == "page"
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#availabilitybudgetburn"
    assert re.match(r"prod: [\d.]+% of the requests get a 5xx", alert["annotations"]["summary"])


def test_what_follows_from_another_alert_is_silent(stack: Stack) -> None:
    """Shares of a service that is down, and the ticket of a page; elsewhere nothing is."""
    page, ticket = {"severity": "page"}, {"severity": "ticket"}
    posted = [
        {"alertname": "ServiceDown", "environment": "uat", **page},
        {"alertname": "LatencyBudgetBurn", "environment": "uat", **page},
        {"alertname": "LatencyBudgetBurn", "environment": "test", **page},
        {"alertname": "LatencyBudgetBurn", "environment": "test", **ticket},
        {"alertname": "StaleModel", "environment": "uat", **ticket},
    ]
    url = f"http://{stack.alerts}/api/v2/alerts"
    answer = requests.post(url, json=[{"labels": one} for one in posted], timeout=10)
    assert answer.status_code == 200

    def states() -> dict[tuple[str, ...], str]:
        found = requests.get(url, timeout=10).json()
        labels = ("alertname", "environment", "severity")
        return {
            tuple(one["labels"][name] for name in labels): one["status"]["state"] for one in found
        }

    eventually(lambda: all(state != "unprocessed" for state in states().values()))
    assert [states()[tuple(one.values())] for one in posted] == [
        "active", "suppressed", "active", "suppressed", "active",
    ]  # fmt: skip
