"""Rules of ml.model.model and ml.model.custom."""

import json
import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, GPT2Config, GPT2Model, PreTrainedTokenizerFast

from ml.config import Params
from ml.model import model, tokenizer
from mlops.core.errors import ModelError
from mlops.evaluation.predict import predict

LABELS = ["no", "yes"]
TEXTS = ["a good film", "a bad film"] * 4
MakeParams = Callable[..., Params]


@pytest.fixture(name="words")
def _words() -> PreTrainedTokenizerFast:
    return tokenizer.train(TEXTS, "bert", 320, 64)


def pretrained(folder: Path, words: PreTrainedTokenizerFast, rows: int) -> Path:
    """Save a headless BERT with `rows` embeddings, as a hub repository holds it."""
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=rows, intermediate_size=16, **sizes)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_a_saved_model_answers_as_before(params: Params, tmp_path: Path) -> None:
    """Saving and loading change no probability."""
    network, words = model.build(params.model, LABELS, TEXTS)
    model.save(network, words, tmp_path / "model")

    again = model.load(tmp_path / "model")

    assert (predict(*again, TEXTS) == predict(network, words, TEXTS)).all()


def test_a_saved_model_is_readable_for_all_and_knows_its_labels(
    params: Params, tmp_path: Path
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
    chosen = {"architecture": "custom", "custom": "mean_pool", "options": {"hidde": 8}}

    with pytest.raises(ModelError, match="hidde"):
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
        ModelError, match=r"holds \['config\.json'.*expected config\.json, .* model\.safetensors"
    ):
        model.build(params.model, LABELS, [])


def test_an_unreachable_hub_is_told(make_params: MakeParams) -> None:
    """The message names the model and says what to do."""
    params = make_params(model={"pretrained": "nobody/nothing", "revision": "abc"})

    with pytest.raises(ModelError, match=r"nobody/nothing has to be downloaded.*model=tiny"):
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


def half(path: Path) -> None:
    """Truncate a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def few(path: Path) -> None:
    """Leave one weight of all."""
    name, weight = next(iter(load_file(path).items()))
    save_file({name: weight}, path, metadata={"format": "pt"})


class Evil:
    """Code in a pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave a mark if it is run."""
        return (os.mkdir, ("pwned",))


def evil(path: Path) -> None:
    """Replace the weights by a pickle that runs code."""
    path.unlink()
    path.with_name("pytorch_model.bin").write_bytes(pickle.dumps(Evil()))


DAMAGE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "half the weights": ("model.safetensors", half, "model.safetensors is damaged"),
    "no weights": ("model.safetensors", lambda path: path.write_bytes(b""), "is damaged"),
    "few weights": ("model.safetensors", few, "missing or of another shape"),
    "a pickle": ("model.safetensors", evil, "holds code, which is never run"),
    "empty config": ("config.json", lambda path: path.write_bytes(b""), "not a valid JSON"),
    "no object": ("config.json", lambda path: path.write_text("[1]"), "model_type"),
    "half a tokenizer": ("tokenizer.json", half, "line"),
    "no tokenizer": ("tokenizer.json", Path.unlink, "tokenizer"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_trained_model_is_told(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """In a sentence with the way on; nothing of it is used, no code in it runs."""
    monkeypatch.chdir(tmp_path)
    model.save(*model.build(params.model, LABELS, TEXTS), tmp_path / "model")
    name, change, says = DAMAGE[what]
    change(tmp_path / "model" / name)

    with pytest.raises(ModelError, match=rf"(?s){says}.*run `make train`"):
        model.load(tmp_path / "model")
    assert not Path("pwned").exists()


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_pretrained_model_is_told(
    make_params: MakeParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Instead of a traceback, or of a training that begins from random weights."""
    monkeypatch.chdir(tmp_path)
    scratch = {"scratch": {**make_params().model.scratch.model_dump(), "type": "bert"}}
    model.save(*model.build(make_params(model=scratch).model, LABELS, TEXTS), tmp_path / "model")
    name, change, says = DAMAGE[what]
    change(tmp_path / "model" / name)

    with pytest.raises(ModelError, match=rf"(?s)model.pretrained.*{says}"):
        model.build(make_params(model={"pretrained": str(tmp_path / "model")}).model, LABELS, TEXTS)
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_trained_model_never_gets_another_tokenizer(
    make_params: MakeParams, tmp_path: Path, name: str
) -> None:
    """Without one of its files transformers takes a tokenizer of the family, or an empty one."""
    scratch = {"scratch": {**make_params().model.scratch.model_dump(), "type": "bert"}}
    model.save(*model.build(make_params(model=scratch).model, LABELS, TEXTS), tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(ModelError, match=f"{name} is missing"):
        model.load(tmp_path)


def test_code_in_a_repository_is_refused_without_a_question(
    make_params: MakeParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal transformers would ask whether to run it."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    model.save(*model.build(make_params().model, LABELS, TEXTS), tmp_path)
    (tmp_path / "own.py").write_text("import os\nos.mkdir('pwned')\n")
    settings = json.loads((tmp_path / "config.json").read_text())
    own = {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"}
    settings |= {"auto_map": own, "model_type": "strange"}
    (tmp_path / "config.json").write_text(json.dumps(settings))

    with pytest.raises(ModelError, match="which is never run"):
        model.build(make_params(model={"pretrained": str(tmp_path)}).model, LABELS, TEXTS)
