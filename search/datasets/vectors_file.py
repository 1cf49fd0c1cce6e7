"""Read a file of word vectors: the text formats of word2vec and GloVe, also compressed by gzip.

A line is a word and its numbers, with spaces between them. word2vec has a first line with the
number of words and of numbers of each; GloVe has none.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tracking.commandline.errors import UserError

_MAX_LINE = 1 << 20  # bytes; 300 numbers have 3 kB
_MAX_DIM = 4_096


def dimension(path: Path) -> int:
    """Return how many numbers each word has.

    Raises:
        UserError: if it cannot be read, or its first line is not one of such a file.
    """
    for _, fields in _lines(path):
        return len(fields) - 1
    raise UserError(f"a vectors file needs a line for each word, but {path} has none.")


def read_vectors(path: Path, places: Mapping[str, int]) -> NDArray[np.float32]:
    """Read the vectors of some words; of a word that comes twice, the first.

    Args:
        places: the row of each word, from 0.

    Returns:
        shape (n_words, dim); a row of a word that the file lacks is zero.

    Raises:
        UserError: if a line is not one of such a file, or it has none of the words.
    """
    dim = dimension(path)
    vectors = np.zeros((len(places), dim), np.float32)
    wanted = {word.encode("utf-8", "surrogatepass"): row for word, row in places.items()}
    for number, fields in _lines(path):
        if len(fields) <= dim:
            raise UserError(
                f"{path}, line {number}: each line needs a word and {dim} numbers, as the first "
                f"has, but this one has {len(fields) - 1} numbers."
            )
        # A word of GloVe can have spaces in it. None of ours has.
        row = wanted.pop(fields[0], None) if len(fields) == dim + 1 else None
        if row is not None:
            vectors[row] = _numbers(fields[1:], path, number)
    if len(wanted) == len(places):
        raise UserError(f"{path} has none of the words of the training texts.")
    return vectors


def _numbers(fields: list[bytes], path: Path, number: int) -> NDArray[np.float32]:
    try:
        found = np.array([float(field) for field in fields], np.float32)
    except ValueError as error:
        raise UserError(f"{path}, line {number}: {error}.") from error
    if not np.isfinite(found).all():
        raise UserError(f"{path}, line {number}: each number must be finite.")
    return found


def _lines(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Return each word's line: its number and its fields, of which there are two at least."""
    try:
        with _open(path) as opened:
            number = 0
            while line := opened.readline(_MAX_LINE + 1):
                number += 1
                fields = line.split()
                if number == 1 and len(fields) == 2 and all(map(bytes.isdigit, fields)):
                    continue  # word2vec's
                if not 2 <= len(fields) <= _MAX_DIM or len(line) > _MAX_LINE:
                    raise UserError(
                        f"{path}, line {number}: each line needs a word and up to {_MAX_DIM:,} "
                        f"numbers, but this one begins with {line[:40]!r}."
                    )
                yield number, fields
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read as a vectors file: {reason}.") from error


def _open(path: Path) -> gzip.GzipFile | IO[bytes]:
    file = path.open("rb")
    magic = file.read(2)
    file.seek(0)
    if magic != b"\x1f\x8b":
        return file
    file.close()
    return gzip.open(path)
