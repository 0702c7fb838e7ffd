"""Smaller numbers for a graph: int8 for CPUs, fp16 for GPUs.

int8 is by row: each token's vector has its own range, found as it comes. So a text gets the same
answer alone and among others. ONNX Runtime's own dynamic int8 has one range for the whole batch:
there other texts moved a probability by up to 0.35, and labels changed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

Values = NDArray[Any]
CONSTANTS: dict[str, Values] = {
    "int8.step": np.array(1 / 255, np.float32),
    "int8.tiny": np.array(1e-12, np.float32),  # the step of a row of equal values
    "int8.half": np.array(0.5, np.float32),  # a cast cuts: half more rounds
    "int8.zero": np.array(0, np.uint8),
    "int8.one": np.array(1, np.float32),
}


def half(model: ModelProto) -> ModelProto:
    """Return the graph with its numbers in fp16; logits stay fp32."""
    converted: ModelProto = convert_float_to_float16(model, keep_io_types=True)
    return converted


def int8(model: ModelProto, smallest: int) -> ModelProto | None:
    """Return the graph with its matrices of `smallest` weights or more in int8; None: has none."""
    rewrite = Rewrite(model.graph, smallest)
    nodes = [new for node in model.graph.node for new in rewrite.node(node)]
    if not rewrite.matrices:
        return None
    result = ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    used = _names(result.graph)
    kept = [value for value in model.graph.initializer if value.name in used]
    made: dict[str, Values] = {**CONSTANTS, **rewrite.made}
    del result.graph.initializer[:]
    result.graph.initializer.extend(
        [*kept, *(numpy_helper.from_array(array, name) for name, array in made.items())]
    )
    result.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return result


class Rewrite:
    """Puts other nodes in the place of multiplications by and look-ups in large matrices."""

    def __init__(self, graph: GraphProto, smallest: int) -> None:
        self.large = {
            value.name: value
            for value in graph.initializer
            if value.data_type == TensorProto.FLOAT
            and len(value.dims) == 2
            and value.dims[0] * value.dims[1] >= smallest
        }
        self.made: dict[str, Values] = {}
        self.matrices = 0
        self._rounded: set[str] = set()

    def node(self, node: NodeProto) -> list[NodeProto]:
        """Return the nodes that do what `node` did."""
        if node.op_type == "Gather" and node.input[0] in self.large and not _axis(node):
            return self._look_up(node)
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in self.large and _plain(node):
            return self._multiply(node)
        return [node]

    def _look_up(self, node: NodeProto) -> list[NodeProto]:
        # In int8 word vectors cost more agreement than matrices did; fp16 costs none.
        (name, ids), (result,) = node.input, node.output
        self.made[f"{name}.table"] = numpy_helper.to_array(self.large[name]).astype(np.float16)
        return [
            helper.make_node("Gather", [f"{name}.table", ids], [f"{result}.found"]),
            helper.make_node("Cast", [f"{result}.found"], [result], to=TensorProto.FLOAT),
        ]

    def _multiply(self, node: NodeProto) -> list[NodeProto]:
        # rows = least + step * whole, so rows @ W = step * (whole @ W) + least * (sum of W)
        self.matrices += 1
        rows, result, bias = node.input[0], node.output[0], node.input[2:]
        matrix = self._matrix(node)
        product = [f"{rows}.whole", matrix, "int8.one", f"{matrix}.step", "int8.zero"]
        last = f"{result}.sum" if bias else result
        nodes = [
            helper.make_node(
                "MatMulIntegerToFloat", product, [f"{result}.product"], domain="com.microsoft"
            ),
            helper.make_node("Mul", [f"{result}.product", f"{rows}.step"], [f"{result}.scaled"]),
            helper.make_node("Mul", [f"{rows}.least", f"{matrix}.sum"], [f"{result}.low"]),
            helper.make_node("Add", [f"{result}.scaled", f"{result}.low"], [last]),
            *(helper.make_node("Add", [last, name], [result]) for name in bias),
        ]
        return [*self._round(rows), *nodes]

    def _matrix(self, node: NodeProto) -> str:
        """Add a matrix in int8, with a step for each column; return its name."""
        turned = any(part.name == "transB" and part.i for part in node.attribute)
        name = f"{node.input[1]}.{'turned' if turned else 'matrix'}"
        if name not in self.made:
            values = numpy_helper.to_array(self.large[node.input[1]])
            values = values.T if turned else values
            step = np.abs(values).max(axis=0) / np.float32(127)
            step = np.where(step == 0, np.float32(1), step)
            whole = np.rint(values / step).astype(np.int8)
            self.made[name], self.made[f"{name}.step"] = whole, step
            self.made[f"{name}.sum"] = whole.sum(axis=0, dtype=np.int32).astype(np.float32) * step
        return name

    def _round(self, rows: str) -> list[NodeProto]:
        """Return the nodes that round each row to 0 to 255, from its least to its most."""
        if rows in self._rounded:
            return []
        self._rounded.add(rows)
        names = ("least", "most", "range", "fine", "step", "rest", "ratio", "up", "whole")
        least, most, wide, fine, step, rest, ratio, up, whole = (f"{rows}.{name}" for name in names)
        return [
            helper.make_node("ReduceMin", [rows], [least], axes=[-1], keepdims=1),
            helper.make_node("ReduceMax", [rows], [most], axes=[-1], keepdims=1),
            helper.make_node("Sub", [most, least], [wide]),
            helper.make_node("Mul", [wide, "int8.step"], [fine]),
            helper.make_node("Max", [fine, "int8.tiny"], [step]),
            helper.make_node("Sub", [rows, least], [rest]),
            helper.make_node("Div", [rest, step], [ratio]),
            helper.make_node("Add", [ratio, "int8.half"], [up]),
            helper.make_node("Cast", [up], [whole], to=TensorProto.UINT8),
        ]


def _axis(node: NodeProto) -> int:
    return next((part.i for part in node.attribute if part.name == "axis"), 0)


def _plain(node: NodeProto) -> bool:
    """Return whether a multiplication is rows times matrix plus bias, and no more."""
    values = {part.name: part.i or part.f for part in node.attribute}
    ones = values.get("alpha", 1) == 1 and values.get("beta", 1) == 1
    return ones and not values.get("transA", 0)


def _names(graph: GraphProto) -> set[str]:
    """Return the names that nodes read, those in branches and loops too."""
    found = {name for node in graph.node for name in node.input}
    for node in graph.node:
        for part in node.attribute:
            for inner in (part.g, *part.graphs):
                found |= _names(inner)
    return found
