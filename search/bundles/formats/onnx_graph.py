"""A Keras model of ours as an ONNX graph, layer by layer.

tf2onnx turns six of the eight families into graphs, with a loop over the steps in place of an
LSTM, and has no form for the look-up of n-grams. Here an LSTM is ONNX's own, which skips padding
by the lengths of the rows, and a look-up is a search by halves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

IDS, PROBABILITIES = "ids", "probabilities"
_OPSET = 17
_IR_VERSION = 9  # of that time, so that older versions of onnxruntime read it too


@dataclass(frozen=True)
class Value:
    """A tensor of the graph.

    Attributes:
        mask: name of a bool tensor (batch, length), True where a step is real; None if all are.
    """

    name: str
    mask: str | None = None

    def with_name(self, name: str) -> Value:
        return replace(self, name=name)


class Graph:
    """An ONNX graph that grows node by node."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._tensors: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, n_outputs: int = 1, **attributes: Any) -> str:
        """Add a node, and give the name of its (last) output."""
        number = len(self._nodes)
        outputs = [f"{op}_{number}_{place}" for place in range(n_outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), outputs, **attributes))
        return outputs[-1]

    def constant(self, value: Any, dtype: Any = np.int64) -> str:
        """Add a constant, equals once, and give its name."""
        array = np.ascontiguousarray(np.asarray(value, dtype)).reshape(np.shape(value))
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"constant_{len(self._constants)}"
            self._tensors.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def weights(self, array: Any) -> str:
        """Add weights."""
        return self.constant(np.asarray(array), np.float32)

    def blank(self, steps: Value, filling: float = 0.0) -> str:
        """Write a number where the padding is: (batch, length, features)."""
        if steps.mask is None:
            return steps.name
        kept = self.add("Unsqueeze", steps.mask, self.constant([-1]))
        return self.add("Where", kept, steps.name, self.constant(filling, np.float32))

    def lengths(self, mask: str, to: int) -> str:
        """Count the real steps of each row; `to` is an integer type of ONNX."""
        number = self.add("Cast", mask, to=TensorProto.INT32)
        counts = self.add("ReduceSum", number, self.constant([1]), keepdims=0)
        return counts if to == TensorProto.INT32 else self.add("Cast", counts, to=to)

    def length_of(self, name: str) -> str:
        """Return the second dimension of a tensor, an int64 of shape (1,)."""
        shape = self.add("Shape", name)
        return self.add("Slice", shape, self.constant([1]), self.constant([2]))

    def activate(self, name: str, function: str) -> str:
        match function:
            case "linear":
                return name
            case "sigmoid" | "relu":
                return self.add(function.capitalize(), name)
            case "softmax":
                return self.add("Softmax", name, axis=-1)
        raise NotImplementedError(f"activation {function}")

    def model(self, probabilities: str, n_classes: int, title: str) -> onnx.ModelProto:
        """Close the graph: ids (batch, length) -> probabilities (batch, n_classes)."""
        self._nodes.append(helper.make_node("Identity", [probabilities], [PROBABILITIES]))
        ids = helper.make_tensor_value_info(IDS, TensorProto.INT32, ["batch", "length"])
        out = helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["batch", n_classes])
        graph = helper.make_graph(self._nodes, title, [ids], [out], self._tensors)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="seqsearch",
        )
        onnx.checker.check_model(model)
        return model


def spread(graph: Graph, column: str) -> str:
    """Write the probability of class 1 of two, (batch, 1), as two: (batch, 2)."""
    other = graph.add("Sub", graph.constant(1.0, np.float32), column)
    return graph.add("Concat", other, column, axis=1)


def padded_keys(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fill sorted keys up to a power of two that is larger than their number."""
    size = 1 << len(keys).bit_length()
    return np.concatenate([keys, np.full(size - len(keys), np.iinfo(np.int64).max)])


def search_sorted(graph: Graph, keys: NDArray[np.int64], wanted: str) -> tuple[str, str]:
    """Find int64 numbers among sorted keys, by halves.

    Args:
        keys: from `padded_keys`.

    Returns:
        for each number how many keys are smaller, int32; and the key at that place.
    """
    table, step = graph.constant(keys), len(keys) // 2
    place = graph.constant(0, np.int32)
    while step:
        last = graph.add("Add", place, graph.constant(step - 1, np.int32))
        smaller = graph.add("Less", graph.add("Gather", table, last), wanted)
        # Not Where, which takes onnxruntime five times as long.
        further = graph.add("Cast", smaller, to=TensorProto.INT32)
        further = graph.add("Mul", further, graph.constant(step, np.int32))
        place = graph.add("Add", place, further)
        step //= 2
    return place, graph.add("Gather", table, place)
