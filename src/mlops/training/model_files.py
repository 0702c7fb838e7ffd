"""Read a model from a folder or the hub: its own code never runs, its weights are all there."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from mlops.core.errors import ModelError

log = logging.getLogger(__name__)

# Without it transformers asks on a terminal whether to run what a repository brings.
NO_CODE = {"trust_remote_code": False}
WHOLE = ("config.json", "tokenizer.json", "tokenizer_config.json")
SHOWN = 3  # names of weights in a message


def read_config(source: str, **options: Any) -> Any:
    """Return the configuration of a model."""
    return AutoConfig.from_pretrained(source, **NO_CODE, **options)


def read_tokenizer(source: str, **options: Any) -> PreTrainedTokenizerBase:
    """Return the tokenizer of a model."""
    found = AutoTokenizer.from_pretrained(source, **NO_CODE, **options)
    if len(set(found.get_vocab()) - set(found.all_special_tokens)) < 2:
        raise ModelError(f"{source} has no tokenizer, or an empty one; add its tokenizer.json")
    return found


def read_trained(source: str, **options: Any) -> PreTrainedModel:
    """Return a model that was trained here: every weight is in the files, and the tokenizer."""
    for name in WHOLE:
        if not (Path(source) / name).is_file():
            raise ModelError(f"{name} is missing")  # transformers would take another tokenizer
    model, lacking = _read(source, **options)
    if lacking:
        raise ModelError(f"{_some(lacking)} are missing or of another shape")
    return model


def read_pretrained(source: str, **options: Any) -> PreTrainedModel:
    """Return a model whose head may be new; of the rest most weights are in the files."""
    # A head of another task (other number of labels) is replaced, not an error.
    model, lacking = _read(source, ignore_mismatched_sizes=True, **options)
    head = f"{model.base_model_prefix}."
    body = {name: p.numel() for name, p in model.named_parameters() if name.startswith(head)}
    random = [name for name in body if name in lacking]
    most = 2 * len(random) > len(body) or 2 * sum(body[n] for n in random) > sum(body.values())
    if most:
        raise ModelError(
            f"model.pretrained: {source} has no weights for most of what its config.json describes "
            f"({_some(random)} are missing or of another shape): it would train from random "
            "weights; take files that belong together, or leave model.pretrained away"
        )
    if random:
        log.warning(
            "warning: %s: %s are not in its files and start at random", source, _some(random)
        )
    return model


def explain(error: Exception) -> str:
    """Return in one line why a model cannot be read."""
    text = str(error).strip()
    if "trust_remote_code" in text or "custom code" in text:
        return (
            "it contains code of its own (auto_map), which is never run; take a model that "
            "transformers knows, or register its class in src/ml/model/custom.py"
        )
    if "weights_only" in text or "Weights only" in text:
        return "pytorch_model.bin is damaged, or holds code, which is never run"
    first = text.partition("\n")[0] or type(error).__name__
    if type(error).__name__ == "SafetensorError":
        return f"model.safetensors is damaged: {first}"
    return first


def _read(source: str, **options: Any) -> tuple[PreTrainedModel, set[str]]:
    model, info = AutoModelForSequenceClassification.from_pretrained(
        source, output_loading_info=True, **NO_CODE, **options
    )
    mismatched = {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    return model, {*info["missing_keys"], *mismatched}


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{', '.join(found[:SHOWN])}{more}"
