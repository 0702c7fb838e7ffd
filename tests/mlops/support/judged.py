"""A model as train leaves it, and what evaluate found, for the tests of the export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ml.config import Params
from ml.model import custom, model
from mlops.evaluation.predict import predict

OWN = list(custom.REGISTRY)  # each class of the project is exported by the tests, too
FAMILIES = ["bert", "distilbert", "roberta", "electra", "gpt2", "llama", "xlnet", *OWN]
LABELS = ["no", "yes", "so"]
TEXTS = ["good", "a film that was not bad at all, indeed", "прекрасно", "dull " * 30, "so so"]


def build(
    make_params: Callable[..., Params], family: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a small model from random weights, of a family of transformers or of our own."""
    own = {"architecture": "custom", "custom": family}
    scratch = {**make_params().model.scratch.model_dump(), "type": family}
    torch.manual_seed(0)
    changes: dict[str, Any] = own if family in OWN else {"scratch": scratch}
    classifier, tokenizer = model.build(make_params(model=changes).model, LABELS, TEXTS)
    with torch.no_grad():
        for weights in classifier.parameters():  # larger, so that answers differ
            weights.mul_(1.5)
    return classifier, tokenizer


def write(folder: Path, classifier: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the model and its judged answers, as the stages before export leave them."""
    model.save(classifier, tokenizer, folder / "models" / "model")
    answers = predict(classifier, tokenizer, TEXTS)
    names = np.array(LABELS)[answers.argmax(1)]
    columns = {f"p_{name}": answers[:, index].round(6) for index, name in enumerate(LABELS)}
    (folder / "reports").mkdir()
    pl.DataFrame({"text": TEXTS, "label": names, "predicted": names, **columns}).write_parquet(
        folder / "reports" / "predictions.parquet"
    )
