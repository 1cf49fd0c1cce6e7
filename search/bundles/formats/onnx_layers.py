"""What each layer of ours is in ONNX, written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from onnx import ModelProto, TensorProto

from search.bundles.formats.onnx_graph import IDS, Graph, Value, padded_keys, search_sorted, spread
from search.datasets.tokenizer import OUT_OF_VOCABULARY
from search.models import ensemble, layers, ngrams
from search.models.gru import TailMaskedGRU

Convert = Callable[[Graph, Any, list[Value]], Value]

_TO_THE_START = np.iinfo(np.int64).min


def to_onnx(model: keras.Model, n_classes: int) -> ModelProto:
    """Convert a model of ids, (batch, length) -> probabilities.

    Raises:
        NotImplementedError: if it has a layer that is not ours.
    """
    graph = Graph()
    probabilities = _model(graph, model, [Value(IDS)]).name
    if n_classes == 2:
        probabilities = spread(graph, probabilities)
    return graph.model(probabilities, n_classes, model.name)


def _model(graph: Graph, model: keras.Model, given: list[Value]) -> Value:
    """Add the layers of a model, or of a model within."""
    values: dict[str, Value] = {}
    config = model.get_config()
    nodes = {layer["name"]: layer["inbound_nodes"] for layer in config["layers"]}
    for layer in model.layers:  # in the order in which they are computed
        if isinstance(layer, keras.layers.InputLayer):
            (values[layer.name],) = given
            continue
        convert = _model if isinstance(layer, keras.Model) else _CONVERT.get(type(layer))
        if convert is None:
            raise NotImplementedError(f"layer {type(layer).__name__}")
        inputs = [values[name] for name in _sources(nodes[layer.name])]
        values[layer.name] = convert(graph, layer, inputs)
    return values[_listed(config["output_layers"][0])[0]]


def _sources(nodes: list[Any]) -> list[str]:
    """Name the layers that a layer is given; masks are not among them: a value has its own."""
    (node,) = nodes
    return [tensor["config"]["keras_history"][0] for tensor in _listed(node["args"][0])]


def _listed(tensors: Any) -> list[Any]:
    return tensors if isinstance(tensors, list) else [tensors]


def _embedding(graph: Graph, layer: Any, given: list[Value]) -> Value:
    (ids,) = given
    vectors = graph.add("Gather", graph.weights(layer.embeddings), ids.name)
    if not layer.mask_zero:
        return Value(vectors)
    padding = graph.add("Equal", ids.name, graph.constant(0, np.int32))
    return Value(vectors, graph.add("Not", padding))


def _nothing(graph: Graph, layer: Any, given: list[Value]) -> Value:
    return given[0]


def _dense(graph: Graph, layer: Any, given: list[Value]) -> Value:
    sums = graph.add("MatMul", given[0].name, graph.weights(layer.kernel))
    sums = graph.add("Add", sums, graph.weights(layer.bias))
    return Value(graph.activate(sums, layer.activation.__name__))


def _activation(graph: Graph, layer: Any, given: list[Value]) -> Value:
    return Value(graph.activate(given[0].name, layer.activation.__name__))


def _average(graph: Graph, layer: Any, given: list[Value]) -> Value:
    return Value(graph.add("Mean", *(one.name for one in given)))


def _clip_ids(graph: Graph, layer: Any, given: list[Value]) -> Value:
    ids, first = given[0].name, [graph.constant([at]) for at in (0, layer.maxlen, 1)]
    if layer.truncating == "post":
        ids = graph.add("Slice", ids, *first)
    backwards = graph.add("Slice", _backwards(graph, ids), *first)
    unknown = graph.constant(OUT_OF_VOCABULARY, np.int32)
    is_known = graph.add("Less", backwards, graph.constant(layer.vocab_size, np.int32))
    known = graph.add("Where", is_known, backwards, unknown)
    if layer.padding == "bucket":
        return Value(_backwards(graph, known))
    missing = graph.add("Sub", graph.constant([layer.maxlen]), graph.length_of(known))
    pads = graph.add("Concat", graph.constant([0] * 3), missing, axis=0)
    ends = [graph.constant([number]) for number in (-1, _TO_THE_START, 1, -1)]
    return Value(graph.add("Slice", graph.add("Pad", known, pads), *ends))


def _backwards(graph: Graph, ids: str) -> str:
    """Turn the ids of each row around and leave its padding behind."""
    is_word = graph.add("Not", graph.add("Equal", ids, graph.constant(0, np.int32)))
    lengths = graph.lengths(is_word, TensorProto.INT64)
    return graph.add("ReverseSequence", ids, lengths, batch_axis=0, time_axis=1)


def _concatenate(graph: Graph, layer: Any, given: list[Value]) -> Value:
    return given[0].with_name(graph.add("Concat", *(one.name for one in given), axis=-1))


def _convolution(graph: Graph, layer: Any, given: list[Value]) -> Value:
    (steps,) = given
    size = layer.kernel_size[0]
    before = (size - 1) // 2  # as Keras pads "same"
    features = graph.add("Transpose", graph.blank(steps), perm=[0, 2, 1])
    kernel = graph.weights(np.transpose(layer.kernel, (2, 1, 0)))
    pads = [before, size - 1 - before]
    sums = graph.add("Conv", features, kernel, graph.weights(layer.bias), pads=pads)
    active = graph.activate(sums, layer.activation.__name__)
    return steps.with_name(graph.add("Transpose", active, perm=[0, 2, 1]))


def _pool(graph: Graph, layer: Any, given: list[Value]) -> Value:
    if layer.how == "max":
        return _largest(graph, graph.blank(given[0], layers.LOWEST))
    return _mean(graph, layer, given)


def _largest(graph: Graph, steps: str) -> Value:
    return Value(graph.add("ReduceMax", steps, axes=[1], keepdims=0))


def _global_max(graph: Graph, layer: Any, given: list[Value]) -> Value:
    return _largest(graph, given[0].name)  # Keras' own pools the padding too


def _mean(graph: Graph, layer: Any, given: list[Value]) -> Value:
    (steps,) = given
    if steps.mask is None:
        return Value(graph.add("ReduceMean", steps.name, axes=[1], keepdims=0))
    total = graph.add("ReduceSum", graph.blank(steps), graph.constant([1]), keepdims=0)
    n_kept = graph.lengths(steps.mask, TensorProto.FLOAT)
    n_kept = graph.add("Max", n_kept, graph.constant(1.0, np.float32))
    return Value(graph.add("Div", total, graph.add("Unsqueeze", n_kept, graph.constant([1]))))


def _max_pool(graph: Graph, layer: Any, given: list[Value]) -> Value:
    (steps,) = given
    size = layer.pool_size
    features = graph.add("Transpose", graph.blank(steps, layers.LOWEST), perm=[0, 2, 1])
    # Rounded up, a part at the end counts.
    pooled = graph.add("MaxPool", features, kernel_shape=[size], strides=[size], ceil_mode=1)
    shorter = graph.add("Transpose", pooled, perm=[0, 2, 1])
    if steps.mask is None:
        return Value(shorter)
    ends = [graph.constant([number]) for number in (0, np.iinfo(np.int64).max, 1, size)]
    return Value(shorter, graph.add("Slice", steps.mask, *ends))


def _flatten(graph: Graph, layer: Any, given: list[Value]) -> Value:
    steps = graph.blank(given[0])
    missing = graph.add("Sub", graph.constant([layer.maxlen]), graph.length_of(steps))
    pads = graph.add("Concat", graph.constant([0] * 4), missing, graph.constant([0]), axis=0)
    padded = graph.add("Pad", steps, pads)
    size = layer.output.shape[-1]
    return Value(graph.add("Reshape", padded, graph.constant([-1, size])))


def _reverse(graph: Graph, layer: Any, given: list[Value]) -> Value:
    (steps,) = given
    if steps.mask is None:
        ends = [graph.constant([number]) for number in (-1, _TO_THE_START, 1, -1)]
        return Value(graph.add("Slice", steps.name, *ends))
    lengths = graph.lengths(steps.mask, TensorProto.INT64)
    axes = {"batch_axis": 0, "time_axis": 1}
    return steps.with_name(graph.add("ReverseSequence", steps.name, lengths, **axes))


def _lstm(graph: Graph, layer: Any, given: list[Value]) -> Value:
    # Keras: input, forget, cell, output. ONNX: input, output, forget, cell.
    kernel, recurrent, bias = _gates(layer, (0, 3, 1, 2))
    both = np.concatenate([bias[0], np.zeros_like(bias[0])])
    return _recurrent(graph, layer, given[0], "LSTM", kernel, recurrent, both)


def _gru(graph: Graph, layer: Any, given: list[Value]) -> Value:
    # Both: update, reset, candidate.
    kernel, recurrent, bias = _gates(layer, (0, 1, 2))
    # Keras resets after the multiplication, with a bias of its own.
    return _recurrent(
        graph, layer, given[0], "GRU", kernel, recurrent, bias.reshape(-1), linear_before_reset=1
    )


def _gates(layer: Any, order: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return kernel, recurrent kernel and bias, (rows, gates * units), with the gates in order."""
    kernel, recurrent, bias = (np.asarray(weights) for weights in layer.weights[:3])
    arrays = (kernel, recurrent, np.atleast_2d(bias))
    chosen = [np.split(array, len(order), axis=1) for array in arrays]
    kernel, recurrent, bias = (np.concatenate([g[i] for i in order], axis=1) for g in chosen)
    return kernel, recurrent, bias


def _recurrent(
    graph: Graph,
    layer: Any,
    steps: Value,
    op: str,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    **attributes: int,
) -> Value:
    time_first = graph.add("Transpose", steps.name, perm=[1, 0, 2])
    lengths = "" if steps.mask is None else graph.lengths(steps.mask, TensorProto.INT32)
    weights = [graph.weights(array[None]) for array in (kernel.T, recurrent.T, bias)]
    inputs = (time_first, *weights, lengths)
    attributes = {**attributes, "hidden_size": layer.units}
    if layer.return_sequences:  # (length, 1, batch, units)
        states = graph.add(op, *inputs, **attributes)
        states = graph.add("Squeeze", states, graph.constant([1]))
        return steps.with_name(graph.add("Transpose", states, perm=[1, 0, 2]))
    last = graph.add(op, *inputs, n_outputs=2, **attributes)  # (1, batch, units)
    return Value(graph.add("Squeeze", last, graph.constant([0])))


def _ngram_numbers(graph: Graph, layer: Any, given: list[Value]) -> Value:
    ids = graph.add("Cast", given[0].name, to=TensorProto.INT64)
    length, zero, no_key = graph.length_of(ids), graph.constant(0), graph.constant(ngrams.NO_KEY)
    found, key, real = [], ids, graph.add("Greater", ids, zero)
    for n in range(1, layer.order + 1):
        if n > 1:
            padded = graph.add("Pad", ids, graph.constant([0, 0, 0, n - 1]))
            start = graph.constant([n - 1])
            end = graph.add("Add", length, start)
            following = graph.add("Slice", padded, start, end, graph.constant([1]))
            shifted = graph.add("Mul", key, graph.constant(1 << ngrams.BITS))
            key = graph.add("Add", shifted, following)
            real = graph.add("And", real, graph.add("Greater", following, zero))
        found.append(graph.add("Where", real, key, no_key))
    wanted = graph.add("Concat", *found, axis=1)
    place, there = search_sorted(graph, padded_keys(np.asarray(layer.keys)), wanted)
    is_key = graph.add("Not", graph.add("Equal", wanted, no_key))
    known = graph.add("And", graph.add("Equal", there, wanted), is_key)
    numbers = graph.add("Add", place, graph.constant(1, np.int32))
    return Value(graph.add("Mul", numbers, graph.add("Cast", known, to=TensorProto.INT32)))


def _naive_bayes(graph: Graph, layer: Any, given: list[Value]) -> Value:
    numbers = _ngram_numbers(graph, layer, given).name
    # Sorted, so that what comes again stands behind its first.
    everything = {"n_outputs": 2, "axis": 1, "largest": 0}
    node = graph.add("TopK", numbers, graph.length_of(numbers), **everything)
    numbers = node.removesuffix("_1") + "_0"
    one, end = graph.constant([1]), graph.constant([np.iinfo(np.int64).max])
    first = graph.add("Slice", numbers, graph.constant([0]), graph.constant([-1]), one)
    again = graph.add("Equal", graph.add("Slice", numbers, one, end, one), first)
    again = graph.add("Cast", again, to=TensorProto.INT32)
    again = graph.add("Pad", again, graph.constant([0, 1, 0, 0]))
    fresh = graph.add("Sub", graph.constant(1, np.int32), again)
    once = graph.add("Mul", numbers, fresh)
    table = graph.weights(np.asarray(layer.ratios) * np.asarray(layer.scales))
    found = graph.add("Gather", table, once)
    return Value(graph.add("ReduceSum", found, graph.constant([1]), keepdims=0))


_CONVERT: dict[type, Convert] = {
    keras.layers.Activation: _activation,
    keras.layers.Average: _average,
    keras.layers.Concatenate: _concatenate,
    keras.layers.Dense: _dense,
    keras.layers.Dropout: _nothing,
    keras.layers.Embedding: _embedding,
    keras.layers.GlobalAveragePooling1D: _mean,
    keras.layers.GlobalMaxPooling1D: _global_max,
    ensemble.ClipIds: _clip_ids,
    layers.FlattenSteps: _flatten,
    layers.MaskedConv1D: _convolution,
    layers.MaxPoolSteps: _max_pool,
    layers.PoolSteps: _pool,
    layers.ReverseSteps: _reverse,
    layers.TailMaskedLSTM: _lstm,
    ngrams.NaiveBayesNgrams: _naive_bayes,
    ngrams.NgramNumbers: _ngram_numbers,
    TailMaskedGRU: _gru,
}
