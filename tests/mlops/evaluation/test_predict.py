"""Rules of mlops.evaluation.predict."""

import logging
from collections.abc import Callable

import numpy as np
import pytest
import torch
from huggingface_hub.utils.tqdm import are_progress_bars_disabled

from ml.config import Params
from ml.model import model
from mlops.core import terminal
from mlops.evaluation.predict import predict

TEXTS = ["good", "a film that was not bad at all, indeed", "прекрасно", "dull " * 30]
FAMILIES = ["bert", "distilbert", "roberta", "electra", "gpt2", "llama", "xlnet"]


@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_do_not_depend_on_batch_mates(
    family: str, values: dict[str, dict[str, object]], make_params: Callable[..., Params]
) -> None:
    """A text alone and among longer ones gets the same answer, in every family."""
    scratch = {**values["model"]["scratch"], "type": family}  # type: ignore[dict-item]
    params = make_params(model={"scratch": scratch})
    torch.manual_seed(0)
    network, words = model.build(params.model, ["no", "yes", "so"], TEXTS)

    together, alone = (predict(network, words, TEXTS, batch_size) for batch_size in (4, 1))

    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_answers_come_in_the_order_of_the_texts(params: Params) -> None:
    """Sorting by length inside does not show outside."""
    network, words = model.build(params.model, ["no", "yes"], TEXTS)

    forward, backward = predict(network, words, TEXTS), predict(network, words, TEXTS[::-1])

    np.testing.assert_allclose(forward, backward[::-1], atol=1e-6)


def test_a_long_prediction_shows_how_far_it_is(
    params: Params, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After some seconds; one that is over by then says nothing."""
    caplog.set_level(logging.INFO, "mlops")
    network, words = model.build(params.model, ["no", "yes"], TEXTS)
    predict(network, words, TEXTS, 1)
    assert caplog.text == ""
    monkeypatch.setattr(terminal, "SECONDS", 0)
    predict(network, words, TEXTS, 1)

    assert "predicting: 2 of 4 (50 %)" in caplog.text


def test_downloads_show_how_far_they_are(params: Params) -> None:
    """The bars of loading weights are off, those of the hub are not."""
    model.build(params.model, ["no", "yes"], TEXTS)

    assert not are_progress_bars_disabled()


def test_each_row_sums_to_one(params: Params) -> None:
    """They are probabilities."""
    network, words = model.build(params.model, ["no", "yes"], TEXTS)

    np.testing.assert_allclose(predict(network, words, TEXTS).sum(1), 1.0)
