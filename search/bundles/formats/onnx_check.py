"""What model.onnx may hold: the operators of our exports, and weights that lie in the file itself.

The file is read here as what it is, a protobuf message, before onnxruntime opens it. A field that
our exports do not have is refused: data in other files, graphs within nodes, functions, training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

# The measured union over all families; a test holds the exports to it.
OPERATORS = frozenset(
    {
        *("Add", "And", "Cast", "Concat", "Conv", "Div", "Equal", "GRU", "Gather", "Greater"),
        *("Identity", "LSTM", "Less", "MatMul", "Max", "MaxPool", "Mean", "Mul", "Not", "Pad"),
        *("ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "ReverseSequence", "Shape"),
        *("Sigmoid", "Slice", "Softmax", "Squeeze", "Sub", "TopK", "Transpose", "Unsqueeze"),
        "Where",
    }
)

_VARINT, _BYTES = 0, 2  # wire types

# Fields by number in onnx.proto, with their wire type.
_MODEL = {1: _VARINT, 2: _BYTES, 7: _BYTES, 8: _BYTES}  # version, producer, graph, operator sets
_GRAPH = {1: _BYTES, 2: _BYTES, 5: _BYTES, 11: _BYTES, 12: _BYTES}  # node, name, weights, in, out
_NODE = {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES}  # inputs, outputs, operator, attributes
_ATTRIBUTE = {1: _BYTES, 3: _VARINT, 8: _VARINT, 20: _VARINT}  # name, number, numbers, type
_TENSOR = {1: _VARINT, 2: _VARINT, 8: _BYTES, 9: _BYTES}  # dimensions, type, name, content
_EXTERNAL = (13, 14)  # of a tensor: where its content is, if not here

_BYTES_OF_TYPE = {1: 4, 6: 4, 7: 8}  # float32, int32, int64

_MOST_DIMENSIONS = 4


def check(content: bytes) -> None:
    """Make sure that a model is made of what our exports are made of.

    Raises:
        ValueError: with the first other thing.
    """
    for number, _, graph in _fields("model", memoryview(content), _MODEL):
        if number != 7:
            continue
        for part, _, inside in _fields("graph", graph, _GRAPH):
            if part == 1:
                _check_node(inside)
            elif part == 5:
                _check_tensor(inside)


def _check_node(node: memoryview) -> None:
    for number, _, inside in _fields("node", node, _NODE):
        if number == 4:
            operator = bytes(inside).decode("utf-8", "replace")
            if operator not in OPERATORS:
                raise ValueError(f"no model of ours has the operator {operator[:40]!r}")
        elif number == 5:
            list(_fields("attribute", inside, _ATTRIBUTE))


def _check_tensor(tensor: memoryview) -> None:
    """A tensor is as large as its content: nothing is allocated that is not in the file."""
    shape, types, sizes = [], [], []
    for number, value, inside in _fields("tensor", tensor, _TENSOR):
        if number == 1:
            shape.append(value)
        elif number == 2:
            types.append(value)
        elif number == 9:
            sizes.append(len(inside))
    if len(types) != 1 or types[0] not in _BYTES_OF_TYPE:
        raise ValueError(f"no model of ours has a tensor of the type {types}")
    n_bytes = math.prod(shape[:_MOST_DIMENSIONS]) * _BYTES_OF_TYPE[types[0]]
    if len(shape) > _MOST_DIMENSIONS or sizes != [n_bytes]:
        raise ValueError(f"its content is not as large as a tensor of shape {shape[:5]}")


def _fields(
    what: str, message: memoryview, known: dict[int, int]
) -> Iterator[tuple[int, int, memoryview]]:
    """Read a protobuf message.

    Yields:
        number of a field, and its value: a number, or what is inside.

    Raises:
        ValueError: if it is cut short, or has a field that is not known.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if what == "tensor" and number in _EXTERNAL:
            raise ValueError("it has external data: weights in another file")
        if known.get(number) != wire:
            raise ValueError(f"no {what} of ours has field {number} of type {wire}")
        value, at = _varint(message, at)
        end = at + value if wire == _BYTES else at
        if end > len(message):
            raise ValueError("it is cut short")
        yield number, value, message[at:end]
        at = end


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Read a number of at most ten bytes, seven bits each; also give where it ends."""
    value = 0
    for place in range(10):
        if at + place >= len(message):
            raise ValueError("it is cut short")
        byte = message[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise ValueError("it has a number that is too long")
