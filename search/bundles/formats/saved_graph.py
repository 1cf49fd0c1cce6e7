"""What a SavedModel may be made of: the operations and objects of our exports, and no others.

TensorFlow runs whatever a graph holds, and some of its operations write files, read them, open
connections or call Python. So a graph is looked through before TensorFlow gets it. Operations that
save and restore variables stand in the saver's two functions only; loading needs neither, so
TensorFlow gets the graph without them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

# The measured union over all families; a test holds the exports to it.
OPERATIONS = frozenset(
    {
        *("AddV2", "All", "Any", "ArgMax", "Assert", "AssignVariableOp", "BiasAdd"),
        *("BroadcastTo", "Cast", "ConcatV2", "Const", "Conv2D", "Cumsum", "DenseBincount"),
        *("Equal", "ExpandDims", "Fill", "FloorMod", "GatherV2", "Greater", "HashTableV2"),
        *("Identity", "If", "LeftShift", "Less", "LogicalAnd", "LogicalOr", "LookupTableFindV2"),
        *("LookupTableImportV2", "LowerBound", "MatMul", "Max", "Maximum", "Mean", "Min"),
        *("Minimum", "Mul", "Neg", "NoOp", "NotEqual", "Pack", "Pad", "PadV2", "Placeholder"),
        *("Prod", "RaggedGather", "RaggedRange", "RaggedTensorToTensor", "Range"),
        *("ReadVariableOp", "RealDiv", "Relu", "Reshape", "ReverseSequence", "ReverseV2"),
        *("SelectV2", "Shape", "Sigmoid", "Size", "Softmax", "Split", "Squeeze"),
        *("StatefulPartitionedCall", "StaticRegexReplace", "StridedSlice", "StringLower"),
        *("StringSplitV2", "Sub", "Sum", "Tanh", "TensorListFromTensor", "TensorListGetItem"),
        *("TensorListReserve", "TensorListSetItem", "TensorListStack", "Tile", "TopKV2"),
        *("Transpose", "UnsortedSegmentSum", "VarHandleOp", "VarIsInitializedOp", "Where"),
        *("While", "ZerosLike"),
    }
)

# Objects, by kind, the identifier that TensorFlow revives them by, and their registered class.
_OBJECTS = frozenset(
    {
        *(("user_object", "_generic_user_object", ""), ("user_object", "signature_map", "")),
        *(("user_object", "trackable_list_wrapper", ""), ("bare_concrete_function", "", "")),
        *(("constant", "", "tf.TrackableConstant"), ("resource", "", "tf.StaticHashTable")),
        *(("function", "", ""), ("variable", "", "")),
    }
)


def checked(content: bytes) -> bytes:
    """Return a SavedModel without its saver, if what is left is what our exports are made of.

    Args:
        content: of the file saved_model.pb.

    Raises:
        ValueError: with the first other thing.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString(content)
    if len(saved.meta_graphs) != 1:
        raise ValueError(
            f"a model of ours has one graph, but this one has {len(saved.meta_graphs)}"
        )
    (meta,) = saved.meta_graphs
    _drop_saver(meta)
    for node in _nodes(meta.graph_def):
        if node.op not in OPERATIONS:
            raise ValueError(f"a model computes, but this one has the operation {node.op[:40]!r}")
    _check_calls(meta)
    _check_objects(meta)
    _check_constants(meta.graph_def, len(content))
    return bytes(saved.SerializeToString())


def _drop_saver(meta: Any) -> None:
    """Remove the nodes that save and restore variables, and the functions that they call."""
    saver, graph = meta.saver_def, meta.graph_def
    tensors = (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
    names = {name.partition(":")[0] for name in tensors}
    functions = {node.attr["f"].func.name for node in graph.node if node.name in names}
    _keep(graph.node, [node for node in graph.node if node.name not in names])
    library = graph.library.function
    _keep(library, [one for one in library if one.signature.name not in functions])
    meta.ClearField("saver_def")
    meta.ClearField("collection_def")  # it names what the older loader would run at the start


def _keep(repeated: Any, kept: list[Any]) -> None:
    copies = [type(one).FromString(one.SerializeToString()) for one in kept]
    del repeated[:]
    repeated.extend(copies)


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _check_calls(meta: Any) -> None:
    """Every function that is called must be left, so none of the saver's is."""
    known = {function.signature.name for function in meta.graph_def.library.function}
    called = set(meta.object_graph_def.concrete_functions)
    for node in _nodes(meta.graph_def):
        for value in node.attr.values():
            called.update(one.name for one in (value.func, *value.list.func) if one.name)
    for name in sorted(called - known):
        raise ValueError(f"it calls the function {name[:40]!r}, which is the saver's or nobody's")


def _check_objects(meta: Any) -> None:
    """Only plain objects: no files, nothing that a class registered elsewhere revives or saves."""
    if not meta.object_graph_def.nodes:
        raise ValueError("a model of ours has an object graph, but this one has none")
    if meta.asset_file_def:
        raise ValueError("a model of ours has no assets, but this one names files")
    for node in meta.object_graph_def.nodes:
        found = (str(node.WhichOneof("kind")), node.user_object.identifier, node.registered_name)
        if found not in _OBJECTS or node.registered_saver or node.saveable_objects:
            raise ValueError(f"no model of ours has the object {' '.join(found).strip()[:60]!r}")


def _check_constants(graph: Any, n_bytes: int) -> None:
    """A constant can be one number many times; ours have no more elements than the file bytes."""
    shapes = [
        [dimension.size for dimension in node.attr["value"].tensor.tensor_shape.dim]
        for node in _nodes(graph)
        if node.op == "Const"
    ]
    if any(size < 0 for shape in shapes for size in shape):
        raise ValueError("it has a constant whose shape is negative")
    n_elements = sum(math.prod(shape) for shape in shapes)
    if n_elements > n_bytes:
        raise ValueError(f"its constants are larger than the file: {n_elements:,} elements")
