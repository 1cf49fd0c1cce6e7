"""saved_model/: raw text in, label and probabilities out; TensorFlow loads it without our code.

import tensorflow as tf

model = tf.saved_model.load("BUNDLE/saved_model")
model.signatures["serving_default"](text=tf.constant(["A wonderful film."]))
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.system.reading import LARGEST_TEXT, loading, read
from tracking.commandline.errors import UserError

if TYPE_CHECKING:
    from search.system.reading import Score
    from tracking.records import SourceRecord

FOLDER = "saved_model"
_GRAPH = "saved_model.pb"
_VARIABLES = "variables"
_SIGNATURE = "serving_default"
_BYTES_OF_A_STRING = 24  # in memory, where it is empty


def write(model: Any, folder: Path, classes: tuple[str, ...]) -> None:
    """Write a model of raw text."""
    from search.models.fused import loops_only
    from search.system.keras_backend import keras, silenced, tf

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
    with silenced(), loops_only():
        archive.add_endpoint("serve", serve, input_signature=signature)
        archive.write_out(str(folder / FOLDER), verbose=False)
    (folder / FOLDER / "fingerprint.pb").unlink(missing_ok=True)  # nothing needs it
    (folder / FOLDER / "assets").rmdir()  # it is empty: the vocabulary stands in the graph


def open_score(folder: Path, source: SourceRecord | None = None) -> Score:
    """Open the saved model in this folder, if it only computes."""
    from search.bundles.formats.keras_file import as_tensor
    from search.system.keras_backend import silenced, tf

    saved = folder / FOLDER
    graph = check(saved) if source is None else (saved / _GRAPH).read_bytes()
    model: Any = None

    def score(texts: list[str]) -> Any:
        serve = model.signatures[_SIGNATURE]  # which does not keep the model alive
        return np.asarray(serve(text=as_tensor(texts))["probabilities"])

    with loading(saved):
        _check_variables(saved / _VARIABLES)
        with silenced(), tempfile.TemporaryDirectory(prefix="seqsearch-") as place:
            (Path(place) / _GRAPH).write_bytes(graph)
            (Path(place) / _VARIABLES).symlink_to((saved / _VARIABLES).absolute())
            model = tf.saved_model.load(place)
        score([""])
    return score


def check(saved: Path) -> bytes:
    """Read a graph, and refuse one that does more than compute.

    Returns:
        the graph, without what saves and restores it.

    Raises:
        UserError: with what it has.
    """
    from search.bundles.formats import saved_graph

    with loading(saved):
        content = read(saved / _GRAPH, LARGEST_TEXT)
        try:
            return saved_graph.checked(content)
        except ValueError as error:
            raise UserError(f"{saved} is refused: {error}.") from error


def _check_variables(folder: Path) -> None:
    """Variables are no larger than the file that they lie in: nothing else is allocated.

    Raises:
        ValueError: if they are.
    """
    from search.system.keras_backend import tf

    if (folder / "variables.index").stat().st_size > LARGEST_TEXT:
        raise ValueError("variables.index is too large")
    reader = tf.train.load_checkpoint(str(folder / "variables"))
    types = reader.get_variable_to_dtype_map()
    n_bytes = sum(
        math.prod(shape) * (_BYTES_OF_A_STRING if types[name] == tf.string else types[name].size)
        for name, shape in reader.get_variable_to_shape_map().items()
    )
    found = (folder / "variables.data-00000-of-00001").stat().st_size
    if n_bytes > found:
        raise ValueError(f"its variables take {n_bytes:,} bytes, but the file has {found:,}")
