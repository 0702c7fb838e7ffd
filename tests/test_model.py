"""Rules of ml.network.model and ml.network.custom."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, PreTrainedTokenizerFast

from ml import config
from ml.errors import ModelError
from ml.network import model, tokenizer
from ml.network.predict import predict

LABELS = ["no", "yes"]
TEXTS = ["a good film", "a bad film"] * 4
MakeParams = Callable[..., config.Params]


@pytest.fixture(name="words")
def _words() -> PreTrainedTokenizerFast:
    return tokenizer.train(TEXTS, "bert", 320, 64)


def pretrained(folder: Path, words: PreTrainedTokenizerFast, rows: int) -> Path:
    """Save a headless BERT with `rows` embeddings, as a hub repository holds it."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=rows, intermediate_size=16, **sizes)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_a_saved_model_answers_as_before(params: config.Params, tmp_path: Path) -> None:
    """Saving and loading change no probability."""
    network, words = model.build(params.model, LABELS, TEXTS)
    model.save(network, words, tmp_path / "model")

    again = model.load(tmp_path / "model")

    assert (predict(*again, TEXTS) == predict(network, words, TEXTS)).all()


def test_a_saved_model_is_readable_for_all_and_knows_its_labels(
    params: config.Params, tmp_path: Path
) -> None:
    """A container under another user can read the weights; the configuration names the classes."""
    model.save(*model.build(params.model, LABELS, TEXTS), tmp_path)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {0o644}
    assert json.loads((tmp_path / "config.json").read_text())["id2label"] == {"0": "no", "1": "yes"}


def test_a_custom_module_is_chosen_by_name(make_params: MakeParams, tmp_path: Path) -> None:
    """A registered nn.Module trains, saves and loads like a transformer."""
    chosen = {"architecture": "custom", "custom": "mean_pool", "options": {"hidden": 8}}
    params = make_params(model=chosen)
    model.save(*model.build(params.model, LABELS, TEXTS), tmp_path)

    network, words = model.load(tmp_path)

    assert network.config.architectures == ["CustomForSequenceClassification"]
    assert predict(network, words, TEXTS).shape == (8, 2)


def test_an_unregistered_custom_module_is_told(make_params: MakeParams) -> None:
    """No import path can come from the configuration."""
    params = make_params(model={"architecture": "custom", "custom": "os.system"})

    with pytest.raises(ModelError, match=r"os\.system.*not registered.*mean_pool"):
        model.build(params.model, LABELS, TEXTS)


def test_wrong_options_of_a_custom_module_are_told(make_params: MakeParams) -> None:
    """An option that the class does not take is named."""
    chosen = {"architecture": "custom", "custom": "mean_pool", "options": {"hiden": 8}}

    with pytest.raises(ModelError, match="hiden"):
        model.build(make_params(model=chosen).model, LABELS, TEXTS)


def test_a_local_folder_gives_its_weights(
    make_params: MakeParams, words: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """The encoder of a headless folder is kept, the head is new."""
    folder = pretrained(tmp_path / "hub", words, len(words))
    params = make_params(model={"pretrained": str(folder)})

    network, _ = model.build(params.model, LABELS, [])

    expected = BertModel.from_pretrained(folder).embeddings.word_embeddings.weight
    assert torch.equal(network.bert.embeddings.word_embeddings.weight, expected)


def test_a_saved_pretrained_model_does_not_tell_where_it_came_from(
    make_params: MakeParams, words: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """A folder's path in the files would make each machine's bytes its own."""
    folder = pretrained(tmp_path / "hub", words, len(words))
    params = make_params(model={"pretrained": str(folder)})
    model.save(*model.build(params.model, LABELS, []), tmp_path / "model")

    found = [path.read_bytes() for path in (tmp_path / "model").iterdir()]

    assert not any(str(tmp_path).encode() in content for content in found)


def test_a_vocabulary_of_another_model_is_told(
    make_params: MakeParams, words: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """More tokens than embeddings would read beyond the table."""
    folder = pretrained(tmp_path / "hub", words, rows=100)
    params = make_params(model={"pretrained": str(folder)})

    with pytest.raises(ModelError, match=f"{len(words)} tokens, the model embeds 100"):
        model.build(params.model, LABELS, [])


def test_a_folder_without_weights_is_told(
    make_params: MakeParams, words: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """The message lists what the folder holds."""
    folder = pretrained(tmp_path / "hub", words, len(words))
    (folder / "model.safetensors").unlink()
    params = make_params(model={"pretrained": str(folder)})

    with pytest.raises(
        ModelError, match=r"should hold .*model\.safetensors; found \['config\.json'"
    ):
        model.build(params.model, LABELS, [])


def test_an_unreachable_hub_is_told(make_params: MakeParams) -> None:
    """The message names the model and says what to do."""
    params = make_params(model={"pretrained": "nobody/nothing", "revision": "abc"})

    with pytest.raises(ModelError, match=r"nobody/nothing at revision abc.*check the name"):
        model.build(params.model, LABELS, [])


def test_gpt_without_padding_gets_a_token_of_its_own(
    make_params: MakeParams, tmp_path: Path
) -> None:
    """Batches of different lengths work, and no real token means padding."""
    words = tokenizer.train(TEXTS, "gpt2", 320, 64)
    words.pad_token = None
    GPT2Model(GPT2Config(vocab_size=len(words), n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        tmp_path
    )
    words.save_pretrained(tmp_path)
    params = make_params(model={"pretrained": str(tmp_path)})

    network, padded = model.build(params.model, LABELS, [])

    assert network.config.pad_token_id == padded.pad_token_id == len(words)
    together, alone = (predict(network, padded, ["good", "a bad film"], size) for size in (2, 1))
    assert abs(together - alone).max() < 1e-6


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    """Loading from an empty folder says how to build the model."""
    with pytest.raises(ModelError, match="make train"):
        model.load(tmp_path)


def test_dropout_acts_on_every_layer(make_params: MakeParams, values: dict[str, Any]) -> None:
    """`model.dropout` sets the rate under whatever name the family has for it."""
    scratch = {**values["model"]["scratch"], "type": "bert"}
    params = make_params(model={"dropout": 0.25, "scratch": scratch})
    network, _ = model.build(params.model, LABELS, TEXTS)

    rates = {layer.p for layer in network.modules() if isinstance(layer, torch.nn.Dropout)}

    assert rates == {0.25}
