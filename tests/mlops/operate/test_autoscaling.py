"""What KEDA asks of Prometheus, on a real one, and how many pods an autoscaler makes of it."""

import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import pods
import served
from common import ROOT
from ml.config import Params
from mlops.deployment import manifests
from mlops.deployment.manifests import Release
from mlops.operate.prometheus import Prometheus
from prometheus_server import eventually, prometheus, scraping
from small_service import small_service

pytestmark = pytest.mark.integration
RELEASE = Release(
    f"registry.example.com/team/classifier@sha256:{'a' * 64}", "3", "b" * 64, "c0ffee"
)
TOLERANCE = 0.1  # of the controller, unless a cluster sets another
CLIENTS = 4  # of each pod: its one thread always has another request to predict


@pytest.fixture(name="trigger")
def _trigger(make_params: Callable[..., Params], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the rendered ScaledObject asks, of pods with one thread; over seconds, not a minute."""
    monkeypatch.chdir(ROOT)
    params = make_params(environment="prod", deploy={"autoscaler": "keda"}, serving={"workers": 1})
    found = yaml.safe_load_all(manifests.render(RELEASE, params))
    (scaler,) = (one for one in found if one["kind"] == "ScaledObject")
    trigger: dict[str, str] = scaler["spec"]["triggers"][0]["metadata"]
    assert "[1m]" in trigger["query"]
    return trigger | {"query": trigger["query"].replace("[1m]", "[3s]")}


def replicas(current: int, total: float, target: float) -> int:
    """Return what a HorizontalPodAutoscaler makes of a metric of the type AverageValue.

    Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
    """
    near = abs(total / (target * current) - 1) <= TOLERANCE
    return current if near else math.ceil(total / target)


@contextmanager
def load(*ports: int) -> Iterator[None]:
    """Ask pods all the time until the block ends."""
    over = threading.Event()

    def ask(port: int) -> None:
        while not over.is_set():
            served.Client(port).predict({"text": "a fine film"})

    threads = [threading.Thread(target=ask, args=(port,)) for port in ports * CLIENTS]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def configured(live: list[int], canary: list[int]) -> dict[str, Any]:
    """Return what scrapes pods under the role that they are labelled with."""
    config = scraping(*live, role="live")
    (job,) = config["scrape_configs"]
    job["static_configs"] += scraping(*canary, role="canary")["scrape_configs"][0]["static_configs"]
    return config


def settled(server: Prometheus, query: str, least: float) -> float:
    """Return a query's value when it has come to at least so much."""
    return eventually(lambda: (v := server.value(query)) is not None and v >= least and v) or 0.0


def test_busy_threads_of_the_live_pods_decide_how_many_there_are(
    trigger: dict[str, str], tmp_path: Path
) -> None:
    """Two busy threads want three pods at 0.7 each; a canary's, busy as well, want none of them."""
    target = float(trigger["threshold"])
    with pods.processes(milliseconds=10) as run:
        live, canary = [run.start("1", "a"), run.start("1", "b")], [run.start("2", "c")]
        with prometheus(tmp_path / "prometheus", configured(live, canary)) as server:
            assert eventually(lambda: server.value(trigger["query"]) is not None)
            idle = server.value(trigger["query"])
            with load(*live, *canary):
                settled(server, re.sub(r"\{.*?\}", "", trigger["query"]), 2.5)
                busy = settled(server, trigger["query"], 1.6)

    assert (target, idle) == (0.7, 0.0)
    assert busy < 2.3
    assert replicas(2, busy, target) == 3
    assert replicas(3, min(busy, 2.1), target) == 3  # as many as there are: within the tolerance
    assert replicas(3, 0.0, target) == 0  # the ScaledObject's least stand below it


def test_a_prometheus_that_knows_no_live_pod_says_nothing(
    trigger: dict[str, str], tmp_path: Path
) -> None:
    """Not zero, which would end pods: with ignoreNullValues "false" KEDA falls back instead."""
    with pods.processes() as run:
        canary = run.start("2", "c")
        with prometheus(tmp_path / "prometheus", configured([], [canary])) as server:
            everyone = re.sub(r"\{.*?\}", "", trigger["query"])
            assert eventually(lambda: server.value(everyone) is not None)
            assert server.vector(trigger["query"]) == []

    assert trigger["ignoreNullValues"] == "false"


def test_the_service_counts_what_the_query_asks_for(
    trigger: dict[str, str], tmp_path: Path
) -> None:
    """The real one, with a model: its threads are busy while it is asked, at most all the time."""
    with small_service(tmp_path, "3") as client:
        config = scraping(client.port, role="live")
        with prometheus(tmp_path / "prometheus", config) as server:
            assert eventually(lambda: server.value(trigger["query"]) is not None)
            with load(client.port):
                busy = settled(server, trigger["query"], 0.01)

    assert 0.01 <= busy <= 1.1
