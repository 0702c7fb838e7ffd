"""What tests of the machinery share: a served Bento, containers, the servers of the platform."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import containers
import locked
import served
import servers
from local_platform.servers import ENVIRONMENTS, Platform
from ml.config import Params

# Each `dvc` in a folder of a test's own would start a process that reports it to its makers.
os.environ["DVC_NO_ANALYTICS"] = "1"


@pytest.fixture(autouse=True, scope="session")
def _kubectl() -> None:
    """Let every test, and what it starts, find the kubectl that is locked."""
    os.environ["PATH"] = locked.path("kubectl")


@pytest.fixture(name="serving_bin", scope="session")
def _serving_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the serving lock alone."""
    return served.locked_environment(tmp_path_factory.mktemp("serving") / "venv", "serving")


@pytest.fixture(name="bento", scope="session")
def _bento(tmp_path_factory: pytest.TempPathFactory, serving_bin: Path) -> served.Bento:
    """A Bento of a small model."""
    return served.build(tmp_path_factory.mktemp("bento"), serving_bin, max_items=100)


@pytest.fixture(name="server", scope="session")
def _server(
    bento: served.Bento, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[served.Server]:
    """That Bento, served."""
    with served.serve(bento, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(name="engine", scope="session")
def _engine() -> Iterator[containers.Engine]:
    """Containers of this session's own; `.ci/run` installs what they need."""
    if lacking := containers.missing():
        pytest.skip(f"containers need {', '.join(lacking)}")
    with containers.engine() as engine:
        yield engine


@pytest.fixture(name="image", scope="session")
def _image(engine: containers.Engine, bento: served.Bento) -> str:
    """The image of that Bento."""
    return engine.containerize(bento)


@pytest.fixture(name="traefik", scope="session")
def _traefik(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the proxy."""
    return served.locked_environment(tmp_path_factory.mktemp("traefik") / "venv", "traefik") / (
        "traefik"
    )


@pytest.fixture(name="platform_base", scope="session")
def _platform_base() -> Iterator[Platform]:
    """The servers of the platform, none of them started; ended after the tests."""
    with servers.platform() as platform:
        yield platform


@pytest.fixture(name="qa")
def _qa(make_params: Callable[..., Params]) -> Params:
    """The values of qa, with bounds that a toy model can keep."""
    import releases  # noqa: PLC0415  it imports MLflow, which other tests need not wait for

    return make_params(environment="qa", gate=releases.BOUNDS)


@pytest.fixture(name="trained")
def _trained(project: Path, empty_store: Path, qa: Params) -> Callable[..., str]:
    """A project in qa; return a function that leaves a model as the pipeline does."""
    import releases  # noqa: PLC0415

    return releases.trainer(project, empty_store, qa)


@pytest.fixture(name="s3")
def _s3(platform_base: Platform) -> Platform:
    """A platform of which S3 runs, also if the test before has killed it."""
    if "swift-proxy" not in platform_base.running():  # to look takes less than to start again
        platform_base.up("s3")
    return platform_base


@pytest.fixture(name="platform")
def _platform(platform_base: Platform) -> Platform:
    """A platform of which all parts run."""
    if len(platform_base.running()) < 2 + len(ENVIRONMENTS):
        platform_base.up()
    return platform_base
