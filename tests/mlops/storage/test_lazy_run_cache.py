"""Rules of mlops.storage.lazy_run_cache, as far as no server is needed (test_sharing has one)."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from dvc.repo import Repo
from dvc.stage import cache
from dvc.stage.cache import StageCache

from mlops.storage import lazy_run_cache


def accepted(function: Callable[..., Any]) -> list[str]:
    """Return the names of what a function takes."""
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", ["restore", "pull", "load"])
def test_dvc_still_has_what_is_replaced(name: str) -> None:
    """Under its name and with its parameters: else DVC would go on in its own way, unseen."""
    theirs = StageCache._load if name == "load" else getattr(StageCache, name)

    assert accepted(getattr(lazy_run_cache, name)) == accepted(theirs)


def test_dvc_looks_a_key_up_in_one_place() -> None:
    """Only `restore` reads entries of a key, and before it does it has hashed the inputs."""
    source = inspect.getsource(StageCache)

    assert source.count("self._load(") == 1
    restoring = inspect.getsource(lazy_run_cache._restore)
    assert restoring.index("stage.deps_cached()") < restoring.index("stage.save_deps()")
    assert restoring.index("stage.save_deps()") < restoring.index("self._load(stage)")


def test_dvc_still_has_what_is_used() -> None:
    """Names that it keeps for itself, and may change in any version."""
    assert accepted(Repo.pull)[:2] == ["self", "targets"]
    assert accepted(StageCache._get_cache_path) == ["self", "key", "value"]
    assert accepted(cache._get_stage_hash) == ["stage"]
    assert accepted(cache._get_cache_hash) == ["cache", "key"]
