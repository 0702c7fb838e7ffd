"""The columns of a source: which may be text and label, and under which names they go on."""

import logging
from itertools import count

import pyarrow as pa
import pyarrow.compute as pc

from mlops.core.errors import DataError
from mlops.tables.sources import Source

log = logging.getLogger(__name__)


def check_types(source: Source, ours: tuple[str, str]) -> None:
    """Refuse a text that is none, and labels that cannot be names."""
    text, label = (source.schema.field(name).type for name in ours)
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    nothing = pa.types.is_null  # all null: prepare refuses such rows
    if not any(is_kind(text) for is_kind in (*texts, nothing)):
        raise DataError(
            f"column {ours[0]!r} of {source.path} holds {text}; expected text; "
            "convert it, or set data.text_column"
        )
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    if not any(is_kind(label) for is_kind in (*texts, *numbers, nothing)):
        raise DataError(
            f"column {ours[1]!r} of {source.path} holds {label}; expected text, whole numbers "
            "or true and false; convert it, or set data.label_column"
        )


def rename(name: str, source: Source) -> str:
    """Return the name of another column; `text` and `label` make room for ours."""
    if name not in ("text", "label"):
        return name
    free = next(new for n in count(1) if (new := f"{name}_{n}") not in source.schema.names)
    log.info(
        "%s: column %r is renamed to %r; data.%s_column is another column",
        source.path,
        name,
        free,
        name,
    )
    return free


def label_names(labels: pa.Array) -> pa.Array:
    """Return labels as text: 1 and 1.0 as "1", true as "true", NaN and nothing as null."""
    if pa.types.is_floating(labels.type):
        labels = pc.if_else(pc.is_nan(labels), None, labels)
    names = labels.cast(pa.string())
    # pandas writes 1.0 for 1 as soon as one row has no label.
    names = pc.replace_substring_regex(names, r"^(-?\d+)\.0$", r"\1")
    return pc.if_else(pc.equal(names, ""), None, names)
