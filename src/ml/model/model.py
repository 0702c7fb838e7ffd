"""The classifier and its tokenizer: from the hub, from a folder, or from random weights."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.utils.tqdm import enable_progress_bars
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from ml.config import Model
from ml.model import custom
from ml.model.tokenizer import padding_side
from ml.model.tokenizer import train as train_tokenizer
from mlops.config import hub
from mlops.core.errors import ModelError
from mlops.training import model_files

# The names under which the families of transformers keep their dropout rates.
DROPOUTS = (
    "activation_dropout", "attention_dropout", "attention_probs_dropout_prob", "attn_pdrop",
    "classifier_dropout", "dropout", "embd_pdrop", "hidden_dropout_prob", "resid_pdrop",
    "seq_classif_dropout", "summary_last_dropout",
)  # fmt: skip

# transformers' own names for layers, hidden, heads, intermediate of `model.scratch`.
SIZES = {
    "gpt2": ("n_layer", "n_embd", "n_head", "n_inner"),
    "distilbert": ("n_layers", "dim", "n_heads", "hidden_dim"),
    "xlnet": ("n_layer", "d_model", "n_head", "d_inner"),
}
BERT_SIZES = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")


def build(
    config: Model, labels: list[str], texts: Iterable[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build the model that the configuration names; `texts` train its tokenizer if it has none."""
    transformers.utils.logging.disable_progress_bar()
    enable_progress_bars()  # of downloads, which the line before turns off as well
    transformers.utils.logging.set_verbosity_error()
    if config.architecture == "custom":
        return _build_custom(config, labels, texts)
    if config.pretrained:
        return _build_pretrained(config, labels)
    return _build_scratch(config, labels, texts)


def load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a trained model and its tokenizer."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is missing; run `make train` to make it")
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        model = model_files.read_trained(str(folder), local_files_only=True)
        return model, model_files.read_tokenizer(str(folder), local_files_only=True)
    except Exception as error:  # a damaged file raises whatever its reader chokes on
        raise ModelError(
            f"{folder} holds no trained model that can be loaded ({model_files.explain(error)}); "
            "run `make train` to build it again"
        ) from None


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a model and its tokenizer, readable for every user of the machine."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(
            0o644
        )  # transformers writes model.safetensors as 0600: no container could read it


def _build_custom(
    config: Model, labels: list[str], texts: Iterable[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    name = config.custom or ""
    if name not in custom.REGISTRY:
        raise ModelError(
            f"model.custom: {name!r} is not registered; "
            f"src/ml/model/custom.py has {sorted(custom.REGISTRY)}"
        )
    tokenizer = train_tokenizer(texts, "custom", config.scratch.vocab_size, config.max_length)
    settings = custom.CustomConfig(
        custom=name,
        vocab_size=len(tokenizer),
        options=dict(config.options),
        pad_token_id=tokenizer.pad_token_id,
        **_label_names(labels),
    )
    try:
        return custom.CustomForSequenceClassification(settings), tokenizer
    except TypeError as error:
        raise ModelError(f"model.options do not fit model.custom: {name}: {error}") from None


def _build_scratch(
    config: Model, labels: list[str], texts: Iterable[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    family = config.scratch.type
    tokenizer = train_tokenizer(texts, family, config.scratch.vocab_size, config.max_length)
    scratch = config.scratch
    wanted = (scratch.layers, scratch.hidden, scratch.heads, scratch.intermediate)
    sizes = dict(zip(SIZES.get(family, BERT_SIZES), wanted, strict=True))
    if family == "electra":
        sizes["embedding_size"] = config.scratch.hidden
    # 0.02 was made for the 768 of BERT-base. Scaled with the hidden size the tiny model starts from
    # 0.07 and reaches 95 % on the synthetic corpus where it stayed at 90 %.
    sizes["initializer_range"] = 0.02 * (768 / scratch.hidden) ** 0.5
    if family != "xlnet":  # XLNet's positions are relative and have no bound
        name = "n_positions" if family == "gpt2" else "max_position_embeddings"
        sizes[name] = config.max_length + 2  # RoBERTa counts its positions from 2
    settings = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        **sizes,
        **_label_names(labels),
    )
    _set_dropout(settings, config.dropout)
    return AutoModelForSequenceClassification.from_config(settings), tokenizer


def _build_pretrained(
    config: Model, labels: list[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    source = str(config.pretrained)
    if why := hub.missing(source, config.revision, hub.PATIENCE):
        raise ModelError(f"model.pretrained: {why}; {hub.CURE}")
    try:
        settings = model_files.read_config(source, revision=config.revision, **_label_names(labels))
        _set_dropout(settings, config.dropout)
        tokenizer = model_files.read_tokenizer(source, revision=config.revision)
        model = model_files.read_pretrained(
            source, config=settings, revision=config.revision, dtype=torch.float32
        )
    except ModelError:
        raise
    except Exception as error:  # a damaged file raises whatever its reader chokes on
        raise ModelError(_why_not(source, config.revision, error)) from None
    _check_vocabulary(model, tokenizer, source)
    if tokenizer.pad_token is None:
        # A token of its own: eos as padding would hide an eos that a text really ends with.
        tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
        model.resize_token_embeddings(len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = padding_side(settings.model_type)
    longest = getattr(settings, "max_position_embeddings", None) or config.max_length
    tokenizer.model_max_length = min(config.max_length, longest)
    return model, tokenizer


def _check_vocabulary(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, source: str
) -> None:
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise ModelError(
            f"{source}: the tokenizer has {len(tokenizer)} tokens, the model embeds {rows}; "
            "they do not belong together: use the tokenizer that the model was trained with"
        )


def _label_names(labels: list[str]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def _set_dropout(settings: Any, rate: float | None) -> None:
    if rate is not None:
        for name in DROPOUTS:
            if hasattr(settings, name):
                setattr(settings, name, rate)


def _why_not(source: str, revision: str | None, error: Exception) -> str:
    if Path(source).is_dir():
        found = sorted(path.name for path in Path(source).iterdir())
        return (
            f"model.pretrained: {source} holds {found}; expected config.json, a tokenizer and "
            f"model.safetensors ({model_files.explain(error)})"
        )
    at = f" at revision {revision}" if revision else ""
    return (
        f"model.pretrained: {source}{at} is no local folder and could not be downloaded from the "
        f"Hugging Face Hub ({model_files.explain(error)}); check the name and the network, or "
        "name a folder"
    )
