"""What a real Prometheus sees of real services. Slow."""

from collections.abc import Iterator

import pytest

import served
from mlops.operate.prometheus import Prometheus
from prometheus_server import eventually, prometheus, scraping
from small_service import small_service

pytestmark = pytest.mark.integration
ANSWERED = "bentoml_service_request_total{endpoint='/predict',http_response_code='%s'}"


@pytest.fixture(name="services", scope="module")
def _services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[served.Client]]:
    """Two registered versions of one `model.version`."""
    folder = tmp_path_factory.mktemp("services")
    with small_service(folder / "7", "7") as old, small_service(folder / "8", "8") as new:
        yield [old, new]


@pytest.fixture(name="server", scope="module")
def _server(
    services: list[served.Client], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    config = scraping(*(one.port for one in services), environment="prod")
    with prometheus(folder / "server", config) as server:
        eventually(lambda: server.value("sum(up)") == 2)
        yield server


def test_two_versions_of_a_model_are_told_apart(
    server: Prometheus, services: list[served.Client]
) -> None:
    """By the number in the registry: `model.version` is the same for both."""
    for client, times in zip(services, (3, 5), strict=True):
        for _ in range(times):
            assert client.predict({"text": "good"})[1]["model"]["version"] == "v1"

    counted = "sum(bentoml_service_prediction_total{service_version='%s'})"
    eventually(lambda: server.value(counted % 7) == 3)
    eventually(lambda: server.value(counted % 8) == 5)
    info = server.vector("bentoml_service_model_info")
    assert {one.labels["registered"] for one in info} == {"7", "8"}


def test_the_first_burst_of_errors_is_a_rise(
    server: Prometheus, services: list[served.Client]
) -> None:
    """The series was there at 0 before: one that is born at 20 has never risen."""
    series = ANSWERED % 422
    assert server.value(f"sum({series})") == 0
    for _ in range(20):
        assert services[0].predict({"text": ""})[0] == 422

    eventually(lambda: server.value(f"sum({series})") == 20)
    assert (server.value(f"sum(increase({series}[1m]))") or 0) >= 20
