"""model.keras: raw text in, probabilities out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.models.keras_loading import load
from search.system.reading import loading

if TYPE_CHECKING:
    from search.system.reading import Score
    from tracking.records import SourceRecord

FILE = "model.keras"


def write(model: Any, folder: Path) -> None:
    """Write a model of raw text."""
    model.save(folder / FILE)


def open_score(folder: Path, source: SourceRecord | None = None) -> Score:
    """Open the file in this folder."""
    from search.system.keras_backend import tf
    from search.training.fit import spread

    model = load(folder / FILE, source)
    signature = [tf.TensorSpec([None], tf.string)]
    # As a graph: step by step in Python, an LSTM takes a hundred times as long.
    graph = tf.function(lambda texts: model(texts, training=False), input_signature=signature)

    def score(texts: list[str]) -> Any:
        return spread(np.asarray(graph(as_tensor(texts))))

    with loading(folder / FILE):
        score([""])
    return score


def as_tensor(texts: list[str]) -> Any:
    """Return texts as a tensor of strings, lowered by Python: TensorFlow's Unicode is older."""
    from search.system.keras_backend import tf

    return tf.constant([text.lower() for text in texts], tf.string)
