"""The formats of an exported model; each has a file that writes and reads it.

keras        model.keras: raw text in
saved_model  saved_model/: raw text in, loads without code of ours
onnx         model.onnx: token ids in, with encoder.py, encoder.json and vocabulary.txt beside it

Whatever the format, one that was opened takes texts and gives probabilities: a float32 array of
shape (n_texts, n_classes).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.system.reading import Score
    from tracking.records import SourceRecord

    ToOnnx = Callable[..., Any]

NAMES = ("keras", "saved_model", "onnx")


def write(
    name: str, model: Any, folder: Path, classes: tuple[str, ...], to_onnx: ToOnnx | None = None
) -> None:
    """Write a model of raw text, from `keras_file.load`, into a folder.

    Args:
        to_onnx: of a family that is none of ours, which has layers of its own.
    """
    match name:
        case "keras":
            from search.bundles.formats import keras_file

            keras_file.write(model, folder)
        case "saved_model":
            from search.bundles.formats import saved_model

            saved_model.write(model, folder, classes)
        case "onnx":
            from search.bundles.formats import onnx_file

            onnx_file.write(model, folder, classes, to_onnx)


def open_score(name: str, folder: Path, source: SourceRecord | None = None) -> Score:
    """Open a format in a folder. Only TensorFlow's formats load TensorFlow.

    Args:
        source: a person's own Python file that the model needs, and that is trusted. Then the
            model is not held to what ours are made of.

    Raises:
        UserError: if what lies there is not what we write.
    """
    match name:
        case "saved_model":
            from search.bundles.formats import saved_model

            return saved_model.open_score(folder, source)
        case "onnx":
            from search.bundles.formats import onnx_file

            return onnx_file.open_score(folder, source)
        case _:
            from search.bundles.formats import keras_file

            return keras_file.open_score(folder, source)
