"""The trained model as an ONNX graph: token ids and masks in, logits out, nothing of this machine.

Traced by torch's TorchScript exporter: it takes tenths of a second where the
newer one takes seconds, and knows XLNet, which the newer one does not.
"""

import tempfile
import warnings
from pathlib import Path
from typing import cast

import onnx
import torch
from onnx import ModelProto
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mlops.core.errors import ModelError

OPSET = 17  # the first with LayerNormalization
LARGEST = 2**31 - 2**20  # bytes of weights: a protobuf message ends at 2 GiB
# Two lengths, so that padding is part of what is traced.
SAMPLE = ["a fine film", "it was dull and far too long, not fine at all"]


class Logits(nn.Module):
    """A classifier that takes its inputs in order and returns logits alone."""

    def __init__(self, model: PreTrainedModel, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *values: Tensor) -> Tensor:
        """Return logits [batch, classes]."""
        return cast(Tensor, self.model(**dict(zip(self.names, values, strict=True))).logits)


def trace(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> ModelProto:
    """Return the graph of the model, for any number of texts and tokens."""
    weights = sum(value.numel() * value.element_size() for value in model.parameters())
    if weights > LARGEST:
        raise ModelError(
            f"the model has {weights / 2**30:.1f} GiB of weights, and one ONNX file holds 2 GiB; "
            "train a smaller one to serve it"
        )
    model.to("cpu").eval()
    model.config.use_cache = False  # a classifier reads a text once
    sample = tokenizer(SAMPLE, padding=True, truncation=True, return_tensors="pt")
    names = [name for name in tokenizer.model_input_names if name in sample]
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.no_grad(),
        warnings.catch_warnings(),
    ):
        path = Path(folder) / "traced.onnx"
        # That values become constants and that the exporter is the older one: parity watches both.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(model, names),
            tuple(sample[name] for name in names),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=["logits"],
            dynamic_axes={
                **{name: {0: "batch", 1: "tokens"} for name in names},
                "logits": {0: "batch"},
            },
        )
        return _plain(onnx.load(path))


def inputs(model: ModelProto) -> list[str]:
    """Return the names of what the graph reads."""
    return [value.name for value in model.graph.input]


def _plain(model: ModelProto) -> ModelProto:
    """Remove who made the graph where, and the copies of weights that only have another name."""
    model.producer_name, model.producer_version, model.doc_string = "", "", ""
    del model.metadata_props[:]
    weights = {value.name for value in model.graph.initializer}
    renamed, nodes = {}, []
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
        if node.op_type == "Identity" and node.input[0] in weights:
            renamed[node.output[0]] = node.input[0]
        else:
            node.input[:] = [renamed.get(name, name) for name in node.input]
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
