"""Read files that may come from elsewhere: bounded, and with one line for whatever is wrong."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.commandline.errors import Stopped, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Score = Callable[[list[str]], NDArray[np.float32]]

LONGEST = 100_000  # tokens of a text at most, whatever a file asks for
_LONGEST_REASON = 300  # characters; some quote a whole configuration
LARGEST_TEXT = 1 << 26  # bytes of a vocabulary, of settings, or of a graph without its weights


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
