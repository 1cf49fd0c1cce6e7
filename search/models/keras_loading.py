"""Load a .keras file that may come from elsewhere: only layers of Keras and ours, in safe mode."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from search.system.own_code import load as load_source
from search.system.reading import LARGEST_TEXT, loading
from tracking.commandline.errors import UserError
from tracking.records import SourceRecord

_WEIGHTS = "model.weights.h5"
_MEMBERS = ["config.json", "metadata.json", _WEIGHTS]
_MOST_WEIGHTS = 10_000  # and groups of them: a group can hold itself
_BYTES = 4  # of a weight at least

# All that a model of ours is made of. Keras itself has layers that run code from elsewhere.
_OF_KERAS = frozenset(
    {
        *("Functional", "InputLayer", "Activation", "Average", "Concatenate", "Dense"),
        *("Dropout", "Embedding", "DTypePolicy", "Adam", "__keras_tensor__"),
        *("GlobalAveragePooling1D", "GlobalMaxPooling1D"),
        *("GlorotUniform", "Orthogonal", "RandomUniform", "Zeros", "Constant"),
        # Masks are computed with these.
        *("Any", "ExpandDims", "GetItem", "LogicalOr", "NotEqual", "ZerosLike", "__slice__"),
    }
)
_OURS = frozenset(
    {
        *("ClipIds", "EncodeText", "FlattenSteps", "MaskedConv1D", "MaxPoolSteps", "PoolSteps"),
        *("ReverseSteps", "TailMaskedGRU", "TailMaskedLSTM", "NaiveBayesNgrams", "NgramNumbers"),
    }
)


def load(file: Path, source: SourceRecord | None = None) -> Any:
    """Load a model of raw text, in Keras' safe mode.

    Args:
        source: the Python file that defines layers of it, which is run. Whoever trusts that file
            lets the model be made of any layer.

    Raises:
        UserError: if the file is no such model, or names a layer that is not ours.
    """
    config = _config(file)
    if source is None:
        check(config, file)
        _check_size(config, file)
    from search.system.keras_backend import keras, silenced

    importlib.import_module("search.models")  # our layers, which Keras then knows by name
    importlib.import_module("search.models.ensemble")
    layers = {} if source is None else _layers(load_source(source))
    with loading(file), silenced():
        return keras.models.load_model(file, layers, compile=False, safe_mode=True)


def _layers(module: ModuleType) -> dict[str, Any]:
    """Return the layers of a person's own, by name; not all are registered with Keras."""
    from search.system.keras_backend import keras

    values = vars(module).items()
    return {n: v for n, v in values if isinstance(v, type) and issubclass(v, keras.layers.Layer)}


def text_params(file: Path) -> dict[str, Any]:
    """Read how a model prepares a text, as hyperparameters, without loading it."""
    for made_of in _objects(_config(file)):
        match made_of:
            case {
                "class_name": "EncodeText",
                "config": {
                    "maxlen": int(),
                    "truncating": "pre" | "post",
                    "padding": str(),
                } as found,
            }:
                return {
                    f"text.{name}": found[name] for name in ("maxlen", "truncating", "padding")
                }
    raise UserError(f"{file} takes no raw text.")


def check(config: Any, file: Path) -> None:
    """Make sure that a model is made of nothing but what ours are made of.

    Raises:
        UserError: with the name of the first other thing.
    """
    for made_of in _objects(config):
        registered, module = made_of.get("registered_name"), str(made_of.get("module"))
        name = str(made_of["class_name"])
        if name in _OURS and registered == f"seqsearch>{name}":
            continue
        of_keras = module == "None" or module.partition(".")[0] == "keras"
        if not (of_keras and name in _OF_KERAS and registered in (None, name)):
            raise UserError(
                f"{file} is refused: a model is made of layers of Keras and seqsearch, "
                f"but this one names {module}.{name}."
            )


def _config(file: Path) -> Any:
    """Read what a model is made of, if the file holds what Keras writes and nothing is packed."""
    with loading(file):
        if not file.is_file():
            raise ValueError("it is no regular file")
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != _MEMBERS:
                raise ValueError(f"it must hold {', '.join(_MEMBERS)}, each once")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("it is compressed, which no file of Keras is")
            if archive.getinfo("config.json").file_size > LARGEST_TEXT:
                raise ValueError("config.json is too large")
            if sum(member.file_size for member in members) > file.stat().st_size:
                raise ValueError("it claims to hold more than its size")
            return json.loads(archive.read("config.json"))


def _check_size(config: Any, file: Path) -> None:
    """Make sure that the weights that a model asks for lie in its file, before there is room made.

    Raises:
        UserError: if they do not.
    """
    from search.models.keras_size import n_weights

    size = file.stat().st_size
    with loading(file):
        asked = n_weights(config) * _BYTES
        _check_weights(file)
    if asked > size:
        raise UserError(
            f"{file} is refused: its layers need {asked:,} bytes of weights, but it has {size:,}."
        )


def _check_weights(file: Path) -> None:
    """Make sure that weights are no larger than the file, and lie in it as they are.

    Raises:
        ValueError: if they are not.
    """
    import h5py

    with (
        zipfile.ZipFile(file) as archive,
        h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as weights,
    ):
        waiting, n_seen, n_bytes = [weights], 0, 0
        while waiting:
            group = waiting.pop()
            for name in group:
                n_seen += 1
                if type(group.get(name, getlink=True)) is not h5py.HardLink:
                    raise ValueError(f"its weights have a link to elsewhere: {name[:40]!r}")
                found = group[name]
                if isinstance(found, h5py.Group):
                    waiting.append(found)
                    continue
                if found.external or found.is_virtual or found.chunks:
                    raise ValueError(f"its weights do not lie there as they are: {name[:40]!r}")
                n_bytes += found.size * found.dtype.itemsize
            if n_seen > _MOST_WEIGHTS or n_bytes > file.stat().st_size:
                raise ValueError(f"its weights claim to have {n_bytes:,} bytes")


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Find whatever Keras would make an object of."""
    waiting = [config]
    while waiting:
        match waiting.pop():
            case dict() as found:
                if "class_name" in found:
                    yield found
                waiting += found.values()
            case list() as found:
                waiting += found
