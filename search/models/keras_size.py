"""How many weights a Keras file asks for, before Keras makes room for them.

A layer's weights depend on the features of what it is given, so these are followed from layer to
layer, as Keras will. A width below is a size that is fixed: of the last dimension, and the largest
of the others. A number that is too large is safe here, one that is too small is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search.system.reading import LONGEST

_MOST_WORDS = 3  # of an n-gram
_POLICIES = ("float32", "int32", "int64", "string", "bool")


@dataclass(frozen=True)
class _Width:
    """Numbers in the last dimension of a tensor; the largest of its other fixed dimensions."""

    last: int = 1
    others: int = 1

    @property
    def largest(self) -> int:
        return max(self.last, self.others)


def n_weights(config: Mapping[str, Any]) -> int:
    """Count the weights of a model.

    Args:
        config: of a Functional, all of whose layers passed `keras_loading.check`.

    Raises:
        KeyError, TypeError, ValueError: if it is not one that Keras could have written.
    """
    return _model(config)[0]


def _model(model: Mapping[str, Any]) -> tuple[int, _Width]:
    """Count the weights of a model or a model within, and give the width of its outputs."""
    widths: dict[str, _Width] = {}
    total = 0
    for layer in model["config"]["layers"]:
        if layer["name"] in widths:
            raise ValueError("two layers have the same name")
        # A layer that is used several times has to fit all uses.
        inputs = [widths[name] for name in _sources(layer["inbound_nodes"])]
        built = max((*_numbers(layer.get("build_config")), 1))
        count, widths[layer["name"]] = _layer(layer, inputs, built)
        total += count
    (output,) = [widths[name] for name in _names(model["config"]["output_layers"])]
    return total, output


def _layer(layer: Mapping[str, Any], inputs: list[_Width], built: int) -> tuple[int, _Width]:
    """Count the weights of a layer, and give the width of what it gives.

    Args:
        built: the largest size that the file says the layer was built with.
    """
    name, config = layer["class_name"], layer["config"]
    _refuse_extras(config)
    others = max((width.others for width in inputs), default=1)
    wide = max((*(width.last for width in inputs), built))
    match name:
        case "Functional":
            return _model(layer)
        case "InputLayer":
            shape = [size for size in config["batch_shape"] if size is not None]
            return 0, _Width(*[math.prod(map(_whole, shape))] * 2)
        case "EncodeText":
            _whole(config["maxlen"], LONGEST)
            return 0, _Width()
        case "ClipIds":
            return 0, _Width(others=_whole(config["maxlen"], LONGEST))
        case "Embedding":
            vector = _whole(config["output_dim"])
            return _whole(config["input_dim"]) * vector, _Width(vector, max(others, wide))
        case "NgramNumbers" | "NaiveBayesNgrams":
            return _ngrams(name, config)
        case "Dense":
            units = _whole(config["units"])
            return (wide + 1) * units, _Width(units, others)
        case "TailMaskedLSTM" | "TailMaskedGRU":
            units = _whole(config["units"])
            n_gates, n_biases = (4, 1) if name == "TailMaskedLSTM" else (3, 2)
            return n_gates * units * (wide + units + n_biases), _Width(units, others)
        case "MaskedConv1D":
            filters, size = _whole(config["filters"]), math.prod(_numbers(config["kernel_size"]))
            return filters * (size * wide + 1), _Width(filters, others)
        case "Concatenate":
            sums = (sum(width.last for width in inputs), sum(width.others for width in inputs))
            return 0, _Width(*sums)
        case "FlattenSteps":
            return 0, _Width(_whole(config["maxlen"], LONGEST) * wide)
        case "MaxPoolSteps":
            _whole(config["pool_size"], LONGEST)
    if name in _KEEP_FEATURES:
        return 0, _Width(wide, others)
    # Masks are computed with what is left; sizes can change places there.
    largest = max((width.largest for width in inputs), default=1)
    return 0, _Width(largest, largest)


_KEEP_FEATURES = frozenset(
    {
        *("Activation", "Average", "Dropout", "GlobalAveragePooling1D", "GlobalMaxPooling1D"),
        *("MaxPoolSteps", "PoolSteps", "ReverseSteps"),
    }
)


def _ngrams(name: str, config: Mapping[str, Any]) -> tuple[int, _Width]:
    _whole(config["order"], _MOST_WORDS)
    n_keys = _whole(config["max_ngrams"])
    if name == "NgramNumbers":
        return n_keys, _Width()
    n_columns = _whole(config["n_columns"])
    return n_keys + 2 * (n_keys + 1) * n_columns, _Width(n_columns)


def _refuse_extras(config: Mapping[str, Any]) -> None:
    """Refuse what would make other weights than those that are counted."""
    for name in ("lora_rank", "quantization_config"):
        if config.get(name) is not None:
            raise ValueError(f"no layer of ours has {name}")
    policy = config.get("dtype", "float32")
    name = policy if isinstance(policy, str) else policy["config"]["name"]
    if name not in _POLICIES:
        raise ValueError(f"no layer of ours computes in {str(name)[:40]!r}")


def _whole(value: object, most: int | None = None) -> int:
    if type(value) is not int or value < 0 or (most is not None and value > most):
        limit = f" from 0 to {most:,}" if most is not None else ""
        raise ValueError(f"a size must be a whole number{limit}, but got {str(value)[:40]!r}")
    return value


def _sources(nodes: list[Any]) -> Iterator[str]:
    """Find the layers whose outputs a layer is given; a mask makes no weights."""
    for node in nodes:
        given = {name: value for name, value in node["kwargs"].items() if name != "mask"}
        for found in _walk([node["args"], given]):
            if isinstance(found, dict) and found.get("class_name") == "__keras_tensor__":
                yield found["config"]["keras_history"][0]


def _numbers(value: Any) -> list[int]:
    """List the whole numbers in a value, however deep."""
    return [_whole(found) for found in _walk(value) if isinstance(found, int | float)]


def _names(value: Any) -> list[str]:
    return [found for found in _walk(value) if isinstance(found, str)]


def _walk(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        yield found
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
