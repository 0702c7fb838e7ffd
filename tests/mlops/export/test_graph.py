"""Rules of mlops.export.graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto

from judged import FAMILIES, TEXTS, build
from ml.config import Params
from mlops.core.errors import ModelError
from mlops.evaluation.predict import predict
from mlops.export import graph

MakeParams = Callable[..., Params]


def answers(traced: ModelProto, tokenizer: Any, size: int) -> NDArray[Any]:
    """Return the probabilities of TEXTS, `size` at a time."""
    session = onnxruntime.InferenceSession(traced.SerializeToString())
    found = []
    for start in range(0, len(TEXTS), size):
        batch = tokenizer(
            TEXTS[start : start + size], padding=True, truncation=True, return_tensors="np"
        )
        logits = session.run(None, {name: batch[name] for name in graph.inputs(traced)})[0]
        found.append(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    return np.concatenate(found)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_graph_answers_as_its_model(family: str, make_params: MakeParams) -> None:
    """For other numbers of texts and tokens than were traced, in every family."""
    model, tokenizer = build(make_params, family)

    traced = graph.trace(model, tokenizer)

    expected = predict(model, tokenizer, TEXTS)
    assert np.ptp(expected, axis=0).max() > 1e-3  # else any graph would agree
    for size in (1, 3, len(TEXTS)):
        np.testing.assert_allclose(answers(traced, tokenizer, size), expected, atol=2e-6)


def test_a_graph_takes_any_number_and_returns_logits_alone(make_params: MakeParams) -> None:
    """XLNet's memory and GPT's cache stay inside."""
    for family in ("gpt2", "xlnet"):
        traced = graph.trace(*build(make_params, family))

        sizes = [[d.dim_param for d in v.type.tensor_type.shape.dim] for v in traced.graph.input]
        assert graph.inputs(traced) == ["input_ids", "attention_mask"]
        assert sizes == [["batch", "tokens"]] * 2
        assert [value.name for value in traced.graph.output] == ["logits"]


def test_a_graph_tells_nothing_of_the_machine(make_params: MakeParams) -> None:
    """No path, no version, no stack trace: they would make each machine's bytes its own."""
    traced = graph.trace(*build(make_params, "llama"))
    content = traced.SerializeToString()

    assert (traced.producer_name, traced.producer_version, traced.doc_string) == ("", "", "")
    for word in (b"site-packages", b".py", b"/tmp", b"/home", b"torch"):
        assert word not in content


def test_no_weight_has_two_names(make_params: MakeParams) -> None:
    """What torch's exporter writes once and renames is read under its own name."""
    for family in ("bert", "gpt2"):
        traced = graph.trace(*build(make_params, family))

        weights = {value.name for value in traced.graph.initializer}
        copies = [n.name for n in traced.graph.node if n.op_type == "Identity"]
        assert weights
        assert copies == []


def test_a_model_beyond_the_format_is_told(
    make_params: MakeParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of ONNX ends at 2 GiB."""
    monkeypatch.setattr(graph, "LARGEST", 1000)

    with pytest.raises(ModelError, match=r"2 GiB.*train a smaller one"):
        graph.trace(*build(make_params, "bert"))
