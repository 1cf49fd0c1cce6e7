"""model.keras: raw text in, probabilities out; only layers of Keras and ours, in safe mode."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracking.cli import UserError

if TYPE_CHECKING:
    from search.formats import Score

FILE = "model.keras"

# All that a model of ours is made of. Keras itself has layers that run code from elsewhere.
_OF_KERAS = frozenset(
    {
        *("Functional", "InputLayer", "Activation", "Concatenate", "Dense", "Dropout"),
        *("Embedding", "DTypePolicy", "Adam", "__keras_tensor__"),
        *("GlorotUniform", "Orthogonal", "RandomUniform", "Zeros", "Constant"),
        # Masks are computed with these.
        *("Any", "ExpandDims", "GetItem", "LogicalOr", "NotEqual", "ZerosLike", "__slice__"),
    }
)
_OURS = frozenset(
    {
        *("EncodeText", "FlattenSteps", "MaskedConv1D", "MaxPoolSteps", "PoolSteps"),
        *("ReverseSteps", "TailMaskedGRU", "TailMaskedLSTM", "NaiveBayesNgrams", "NgramNumbers"),
    }
)


def write(model: Any, folder: Path) -> None:
    """Write a model of raw text."""
    model.save(folder / FILE)


def load(file: Path) -> Any:
    """Load a model of raw text, in Keras' safe mode.

    Raises:
        UserError: if the file is no such model, or names a layer that is not ours.
    """
    check(_config(file), file)
    from search.backend import keras, silenced

    importlib.import_module("search.models")  # our layers, which Keras then knows by name
    importlib.import_module("search.text_model")
    try:
        with silenced():
            return keras.models.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise _not_loaded(file, error) from error


def text_params(file: Path) -> dict[str, Any]:
    """Read how a model prepares a text, as hyperparameters, without loading it."""
    for made_of in _objects(_config(file)):
        if made_of["class_name"] == "EncodeText":
            found = made_of["config"]
            return {f"text.{name}": found[name] for name in ("maxlen", "truncating", "padding")}
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


def open_score(folder: Path) -> Score:
    """Open the file in this folder."""
    from search.backend import tf
    from search.train import spread

    model = load(folder / FILE)
    signature = [tf.TensorSpec([None], tf.string)]
    # As a graph: step by step in Python, an LSTM takes a hundred times as long.
    graph = tf.function(lambda texts: model(texts, training=False), input_signature=signature)
    return lambda texts: spread(np.asarray(graph(as_tensor(texts))))


def as_tensor(texts: list[str]) -> Any:
    """Give texts as a tensor of strings, lowered by Python: TensorFlow's Unicode is older."""
    from search.backend import tf

    return tf.constant([text.lower() for text in texts], tf.string)


def _config(file: Path) -> Any:
    try:
        with zipfile.ZipFile(file) as archive:
            return json.loads(archive.read("config.json"))
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise _not_loaded(file, error) from error


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


def _not_loaded(file: Path, error: Exception) -> UserError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UserError(f"{file} cannot be loaded: {reason}")
