"""Rules of mlops.export.quantize."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from judged import FAMILIES, LABELS, TEXTS, build
from ml.config import Params
from mlops.core import outputs
from mlops.export import graph, parity, quantize, signature
from mlops.serving import engine

MakeParams = Callable[..., Params]
RANDOM = np.random.default_rng(0)


def served(folder: Path, make_params: MakeParams, family: str) -> ModelProto:
    """Write tokenizer, signature and both graphs of a model; return the one in fp32."""
    model, tokenizer = build(make_params, family)
    traced = graph.trace(model, tokenizer)
    small = quantize.int8(traced, 1)
    assert small
    onnx.save(traced, folder / "fp32.onnx")
    onnx.save(small, folder / "int8.onnx")
    signature.write_tokenizer(tokenizer, folder / "tokenizer.json")
    facts = signature.describe(tokenizer, graph.inputs(traced), LABELS)
    outputs.write_json(folder / "signature.json", facts)
    return traced


@pytest.fixture(name="folders", scope="module")
def _folders(
    tmp_path_factory: pytest.TempPathFactory, make_params: MakeParams
) -> Callable[[str], Path]:
    """Return a function from a family to its folder, made once."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = tmp_path_factory.mktemp(family)
            served(made[family], make_params, family)
        return made[family]

    return folder


def model(rows: Any, **weights: NDArray[np.float32]) -> ModelProto:
    """Return a graph of the nodes `rows` from x to y."""
    return helper.make_model(
        helper.make_graph(
            rows,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", graph.OPSET)],
        ir_version=8,
    )


def result(model: ModelProto, x: NDArray[Any]) -> NDArray[Any]:
    """Run a graph as the engine does: exactly, also where the processor cuts int8 products."""
    options = onnxruntime.SessionOptions()
    option = engine.exact(engine.CPUINFO)
    options.add_session_config_entry("session.x64quantprecision", option)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    found: NDArray[Any] = session.run(None, {"x": x})[0]
    return found


def normal(*shape: int) -> NDArray[np.float32]:
    """Return random weights."""
    return RANDOM.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=8)
@given(mates=st.lists(st.sampled_from(TEXTS) | st.text(max_size=60), max_size=12))
def test_probabilities_do_not_depend_on_batch_mates(
    family: str, precision: str, folders: Callable[[str], Path], mates: list[str]
) -> None:
    """A text alone and among any others gets the same answer, in int8 as well."""
    folder, name = folders(family), f"{precision}.onnx"
    alone = parity.probabilities(folder, name, TEXTS[:1])

    together = parity.probabilities(folder, name, [TEXTS[0], *mates])[:1]

    # Padding may change the last bit of a sum, and that a rounding: one step of 255 in one place.
    np.testing.assert_allclose(together, alone, atol=1e-6 if precision == "fp32" else 2e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_int8_is_near_to_fp32(family: str, folders: Callable[[str], Path]) -> None:
    """With every matrix in int8, probabilities move by little, yet move."""
    folder = folders(family)

    before, after = (parity.probabilities(folder, f"{p}.onnx", TEXTS) for p in ("fp32", "int8"))

    assert 0 < np.abs(before - after).max() < 0.02
    assert (folder / "int8.onnx").stat().st_size != (folder / "fp32.onnx").stat().st_size


def test_large_matrices_are_a_quarter_and_tables_half() -> None:
    """That is what int8 and fp16 are for; nothing of fp32 stays behind."""
    rows = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "i"], ["e"]),
        helper.make_node("MatMul", ["e", "w"], ["y"]),
    ]
    table, w = normal(500, 128), normal(128, 400)

    small = quantize.int8(model(rows, table=table, w=w), 1000)

    assert small
    wanted = table.nbytes / 2 + w.nbytes / 4 + 2 * 4 * 400  # and two figures for each column
    assert abs(small.ByteSize() - wanted) < 2000


def test_small_matrices_stay() -> None:
    """Where none is large there is no graph in int8."""
    small = model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=normal(6, 5))

    assert quantize.int8(small, 31) is None
    assert quantize.int8(small, 30)


@pytest.mark.parametrize(
    ("node", "weights"),
    [
        (helper.make_node("MatMul", ["x", "w"], ["y"]), {"w": normal(6, 5)}),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), {"w": normal(6, 1)}),
        (helper.make_node("Gemm", ["x", "w", "b"], ["y"]), {"w": normal(6, 5), "b": normal(5)}),
        (
            helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1),
            {"w": normal(5, 6), "b": normal(5)},
        ),
        (helper.make_node("Gemm", ["x", "w"], ["y"]), {"w": normal(6, 5)}),
    ],
    ids=["matrix", "one column", "bias", "turned", "Gemm without bias"],
)
def test_each_kind_of_multiplication_is_kept(node: Any, weights: dict[str, Any]) -> None:
    """Within the steps of int8; rows of any size, of zeros, of one value, of one sign."""
    x = normal(7, 6)
    x[1], x[2], x[3], x[4], x[5] = 0, 3.5, np.abs(x[3]), x[4] * 1e6, x[5] * 1e-6
    full = model([node], **weights)

    small = quantize.int8(full, 1)

    assert small
    wanted, found = result(full, x), result(small, x)
    noise = (np.ptp(x, axis=1) / 255 + np.abs(x).max(1) / 127)[:, None] * 6 * 3
    assert (np.abs(found - wanted) <= noise + 1e-5).all()
    assert np.abs(found - wanted)[0].max() < 0.15
    np.testing.assert_allclose(found[1], wanted[1], atol=1e-6)


@pytest.mark.parametrize("changed", [{"alpha": 0.5}, {"beta": 2.0}, {"transA": 1}])
def test_other_products_are_left_alone(changed: dict[str, Any]) -> None:
    """A Gemm with factors is not what int8 computes."""
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], **changed)

    assert quantize.int8(model([node], w=normal(6, 6), b=normal(6)), 1) is None


def test_a_matrix_that_is_also_a_table_serves_as_both() -> None:
    """Tied embeddings are looked up in fp16 and multiplied in int8."""
    rows = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("Gather", ["w", "i"], ["e"]),
        helper.make_node("MatMul", ["e", "w"], ["y"]),
    ]
    full, x = model(rows, w=normal(6, 6)), np.array([[0, 1, 2, 3, 4, 5]], np.float32)

    small = quantize.int8(full, 1)

    assert small
    np.testing.assert_allclose(result(small, x), result(full, x), atol=0.15)


def test_products_of_one_input_share_its_rounding() -> None:
    """Query, key and value read the same rows: these are rounded once."""
    rows = [
        helper.make_node("MatMul", ["x", "a"], ["p"]),
        helper.make_node("MatMul", ["x", "b"], ["q"]),
        helper.make_node("Add", ["p", "q"], ["y"]),
    ]

    small = quantize.int8(model(rows, a=normal(6, 5), b=normal(6, 5)), 1)

    assert small
    assert [node.op_type for node in small.graph.node].count("Div") == 1


def test_values_are_rounded_not_cut() -> None:
    """Between two steps the nearer one is taken; a column of zeros stays zero."""
    weights = np.ones((6, 2), np.float32)
    weights[:, 1] = 0
    full = model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=weights)

    small = quantize.int8(full, 1)

    assert small
    x = np.array([[0, 255, 0.6, 0.6, 0.6, 0.3]], np.float32)
    np.testing.assert_allclose(result(small, x), [[258, 0]], rtol=1e-5)


def test_no_sum_of_products_is_cut() -> None:
    """The largest values of both sides multiply exactly, whatever the processor."""
    full = model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=np.ones((6, 4), np.float32))
    x = np.array([[0, 255, 255, 255, 255, 255]], np.float32)
    small = quantize.int8(full, 1)
    assert small

    np.testing.assert_allclose(result(small, x), 1275, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_fp16_is_near_and_answers_in_fp32(
    family: str, make_params: MakeParams, tmp_path: Path
) -> None:
    """Every family has a graph for GPUs; here it runs on the CPU."""
    traced = served(tmp_path, make_params, family)
    before = traced.SerializeToString()
    onnx.save(quantize.half(traced), tmp_path / "fp16.onnx")

    wanted, found = (parity.probabilities(tmp_path, f"{p}.onnx", TEXTS) for p in ("fp32", "fp16"))

    assert np.abs(wanted - found).max() < 5e-3
    assert traced.SerializeToString() == before
    session = onnxruntime.InferenceSession(tmp_path / "fp16.onnx")
    assert session.get_outputs()[0].type == "tensor(float)"
