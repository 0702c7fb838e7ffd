"""What a real Traefik tells a pod of its role. Integration."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import answering
import proxies
from ml.config import Params
from mlops.client import exchange
from mlops.client.address import Address
from mlops.deployment.mover import Split
from mlops.deployment.traefik.traffic import ROLE, Backend, Traffic
from prometheus_server import eventually

pytestmark = pytest.mark.integration
NOW = datetime.now(UTC)
SPLIT = Split("shadow", "8", 100, NOW.isoformat(), (NOW + timedelta(hours=1)).isoformat())


def roles(pod: answering.Server) -> set[str]:
    """Return as what a pod was asked."""
    lines = [re.findall(rf"(?im)^{ROLE}: *(\w+)", request) for request in pod.requests]
    return {word for found in lines for word in found}


def test_each_pod_is_told_its_role(
    traefik: Path, tmp_path: Path, make_params: Callable[..., Params]
) -> None:
    """The live one, a shadow, and the same pod when it has become live, whatever a client says."""
    answer = answering.http(200, "{}")
    with (
        answering.serve(answer) as first,
        answering.serve(answer) as second,
        proxies.run(traefik, tmp_path, make_params().deploy) as proxy,
    ):
        live, other = Backend("qa-blue", first.port), Backend("qa-green", second.port)

        def ask() -> None:
            address = Address("http", "127.0.0.1", proxy.port)
            exchange.fetch(address, "/predict", {"text": "good"})

        proxy.write(Traffic(live, other, SPLIT, 1000))
        ask()
        eventually(lambda: roles(second))
        assert (roles(first), roles(second)) == ({"live"}, {"shadow"})

        proxy.write(Traffic(live, other, replace(SPLIT, role="canary", weight=100)))
        ask()
        assert roles(second) == {"shadow", "canary"}

        proxy.write(Traffic(other))
        ask()
        assert roles(second) == {"shadow", "canary", "live"}
