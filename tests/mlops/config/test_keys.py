"""Rules of walking the schema."""

from ml.config import Params
from mlops.config import schema
from mlops.config.keys import dotted, nullable, paths, section_at


def test_key_is_written_as_users_write_it() -> None:
    """Positions in a list stand in brackets."""
    assert dotted(("evaluate", "behaviour", 0, "name")) == "evaluate.behaviour[0].name"


def test_paths_reach_every_depth_top_first() -> None:
    """Keys of sections, of their sections and of lists of sections are all named."""
    found = list(paths(Params))

    assert {"data", "model.scratch.layers", "evaluate.behaviour.pairs.before"} <= set(found)
    assert found.index("training") < found.index("data.train_path")


def test_section_is_found_through_lists_and_options() -> None:
    """The schema of an element of an optional list is that of its class."""
    assert schema.Pair is section_at(Params, ("evaluate", "behaviour", 0, "pairs", 1))
    assert section_at(Params, ("model", "none")) is None


def test_nullable_keys_are_known() -> None:
    """Null is allowed exactly where the schema says so."""
    assert nullable(("data", "val_path"), Params)
    assert not nullable(("data", "train_path"), Params)
