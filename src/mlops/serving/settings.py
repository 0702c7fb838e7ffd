"""What the service is told: the signature of the model, the settings, and what is known of both.

Reads: signature.json, serving.json in the folder that the packager laid out
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path("models/bento")


class Part(BaseModel):
    """A frozen part of a file; an unknown key or a wrong type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Signature(Part):
    """How texts become the inputs of the graph; written by `export`."""

    format: Literal[1]
    labels: list[str]
    inputs: list[Literal["input_ids", "attention_mask", "token_type_ids"]]
    max_length: int
    special_tokens: int
    pad_id: int
    pad_type_id: int
    padding_side: Literal["left", "right"]
    precision: dict[str, str | None]
    model_sha256: str
    parity: dict[str, Any]
    example: str
    usual_unknown: float | None = None  # share of unknown words, see mlops.serving.vocabulary


class Settings(Part):
    """Section `serving` of conf/config.yaml, where each value has its reason."""

    workers: int
    threads: int
    device: Literal["cpu", "cuda"]
    batching: bool
    batch_items: int
    max_chars: int
    max_items: int
    max_body_bytes: int
    queue_size: int
    timeout: float
    keep_alive: float

    @property
    def limits(self) -> dict[str, int]:
        """The limits that a client must know."""
        return {name: getattr(self, name) for name in ("max_chars", "max_items", "max_body_bytes")}


class Serving(Part):
    """What the packager adds to the exported model."""

    format: Literal[1]
    settings: Settings
    preprocessing: bool
    info: dict[str, Any]


class Model(Part):
    """All that lies in the folder, but for graph and tokenizer."""

    folder: Path
    signature: Signature
    serving: Serving


class FolderError(Exception):
    """The folder of the model is missing or wrong."""


def find(module: Path) -> Path:
    """Return the folder: SERVING_FOLDER, or the one of the Bento or the work tree of a module.

    In a Bento the package lies beside models/, in the work tree it lies in src/ beside it.
    """
    named = os.environ.get("SERVING_FOLDER")
    places = [Path(named)] if named else [root / FOLDER for root in module.parents[1:3]]
    for place in places:
        if (place / "serving.json").exists():
            return place
    raise FolderError(
        f"{places[-1]} has no exported model with serving.json; "
        "`make serve` and `make package` lay it out after `make train`"
    )


def load(folder: Path) -> Model:
    """Read what lies in the folder."""
    try:
        return Model(
            folder=folder,
            signature=Signature.model_validate_json((folder / "signature.json").read_bytes()),
            serving=Serving.model_validate_json((folder / "serving.json").read_bytes()),
        )
    except (OSError, ValidationError) as error:
        raise FolderError(
            f"{folder}: expected signature.json and serving.json of this version, found {error}; "
            "`make package` writes them anew"
        ) from error
