"""saved_model/: raw text in, label and probabilities out; TensorFlow loads it without our code.

import tensorflow as tf

model = tf.saved_model.load("BUNDLE/saved_model")
model.signatures["serving_default"](text=tf.constant(["A wonderful film."]))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracking.cli import UserError

if TYPE_CHECKING:
    from search.formats import Score

FOLDER = "saved_model"
_GRAPH = "saved_model.pb"
_SIGNATURE = "serving_default"

# What a graph could do to this machine, and ours never do.
_REFUSED = frozenset(
    {
        *("EagerPyFunc", "PyFunc", "PyFuncStateless", "PyCall", "Print", "PrintV2"),
        *("ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "Save", "SaveSlices"),
        *("WholeFileReader", "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2"),
        *("TextLineDataset", "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2"),
        *("TFRecordDataset", "TFRecordDatasetV2", "SqlDataset", "DebugIdentityV3"),
    }
)


def write(model: Any, folder: Path, classes: tuple[str, ...]) -> None:
    """Write a model of raw text."""
    from search.backend import keras, silenced, tf

    labels = tf.constant(classes)

    def serve(text: Any) -> dict[str, Any]:
        probabilities = model(text, training=False)
        if probabilities.shape[-1] == 1:
            probabilities = tf.concat([1 - probabilities, probabilities], axis=1)
        best = tf.argmax(probabilities, axis=1)
        return {"label": tf.gather(labels, best), "probabilities": probabilities}

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec([None], tf.string, name="text")]
    archive.add_endpoint("serve", serve, input_signature=signature)
    with silenced():
        archive.write_out(str(folder / FOLDER), verbose=False)
    (folder / FOLDER / "fingerprint.pb").unlink(missing_ok=True)  # nothing needs it
    (folder / FOLDER / "assets").rmdir()  # it is empty: the vocabulary stands in the graph


def open_score(folder: Path) -> Score:
    """Open the saved model in this folder."""
    from search.backend import silenced, tf
    from search.formats.keras_file import as_tensor

    saved = folder / FOLDER
    check(saved)
    try:
        with silenced():
            model = tf.saved_model.load(str(saved))
        serve = model.signatures[_SIGNATURE]
    except (ValueError, KeyError, OSError, AttributeError, tf.errors.OpError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{saved} cannot be loaded: {reason}") from error

    def score(texts: list[str], keep: Any = model) -> Any:  # the signature does not keep it alive
        return np.asarray(serve(text=as_tensor(texts))["probabilities"])

    return score


def check(saved: Path) -> None:
    """Refuse a graph that reads or writes files, or calls Python.

    Raises:
        UserError: with the name of the operation.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    graph = SavedModel()
    try:
        graph.ParseFromString((saved / _GRAPH).read_bytes())
    except (OSError, DecodeError) as error:
        raise UserError(f"{saved} cannot be loaded: {error}") from error
    for meta in graph.meta_graphs:
        nodes = [*meta.graph_def.node]
        for function in meta.graph_def.library.function:
            nodes += function.node_def
        for node in nodes:
            if node.op in _REFUSED:
                raise UserError(
                    f"{saved} is refused: a model computes, but this one has the operation "
                    f"{node.op}."
                )
