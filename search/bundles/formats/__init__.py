"""The formats of an exported model; each has a file that writes and reads it.

keras        model.keras: raw text in
saved_model  saved_model/: raw text in, loads without code of ours
onnx         model.onnx: token ids in, with encoder.py, encoder.json and vocabulary.txt beside it

Whatever the format, one that was opened takes texts and gives probabilities: a float32 array of
shape (n_texts, n_classes).
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.commandline.errors import Stopped, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Score = Callable[[list[str]], NDArray[np.float32]]

NAMES = ("keras", "saved_model", "onnx")
LONGEST = 100_000  # tokens of a text at most, whatever a file asks for
_LONGEST_REASON = 300  # characters; some quote a whole configuration
LARGEST_TEXT = 1 << 26  # bytes of a vocabulary, of settings, or of a graph without its weights


def write(name: str, model: Any, folder: Path, classes: tuple[str, ...]) -> None:
    """Write a model of raw text, from `keras_file.load`, into a folder."""
    match name:
        case "keras":
            from search.bundles.formats import keras_file

            keras_file.write(model, folder)
        case "saved_model":
            from search.bundles.formats import saved_model

            saved_model.write(model, folder, classes)
        case "onnx":
            from search.bundles.formats import onnx_file

            onnx_file.write(model, folder, classes)


def open_score(name: str, folder: Path) -> Score:
    """Open a format in a folder. Only TensorFlow's formats load TensorFlow.

    Raises:
        UserError: if what lies there is not what we write.
    """
    match name:
        case "saved_model":
            from search.bundles.formats import saved_model

            return saved_model.open_score(folder)
        case "onnx":
            from search.bundles.formats import onnx_file

            return onnx_file.open_score(folder)
        case _:
            from search.bundles.formats import keras_file

            return keras_file.open_score(folder)


@contextmanager
def loading(file: Path) -> Iterator[None]:
    """Turn whatever is raised over a file into one line.

    It may come from elsewhere, and what TensorFlow, Keras and onnxruntime raise over such a file
    has no end.
    """
    try:
        yield
    except (UserError, Stopped):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{file} cannot be loaded: {reason[:_LONGEST_REASON]}") from error


def read(file: Path, largest: int) -> bytes:
    """Read a file of at most `largest` bytes.

    Raises:
        ValueError: if it is larger, or is no regular file, which could block or never end.
    """
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{file.name} is no regular file")
    if found.st_size > largest:
        raise ValueError(
            f"{file.name} has {found.st_size:,} bytes, and at most {largest:,} are read"
        )
    return file.read_bytes()
