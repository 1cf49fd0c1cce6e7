"""Open a data file: unpacked on the way, decoded, and never more of it than memory can hold."""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from tracking.commandline.errors import UserError, unknown

# What a file may unpack to: this much, or this many times its own size if that is more.
MAX_UNPACKED, MAX_RATIO = 1 << 30, 100

_CODECS = {".gz": "gzip", ".zst": "zstd"}
_DEFAULT_ENCODING = "utf-8-sig"  # with or without a byte order mark
_USUAL = ("utf-8", "utf-16", "latin-1", "cp1252", "iso8859-15", "cp1251", "gb18030", "shift_jis")


def kind(path: Path) -> str:
    """Return the ending that names the format, before that of a compression.

    >>> kind(Path("reviews.csv.gz"))
    '.csv'
    """
    name = path.with_suffix("") if path.suffix in _CODECS else path
    return name.suffix


def stem(path: Path) -> str:
    """Return the file's name without its endings.

    >>> stem(Path("data/reviews.v2.csv.gz"))
    'reviews.v2'
    """
    return (path.with_suffix("") if path.suffix in _CODECS else path).stem


def most_unpacked(path: Path) -> int:
    """Return how many bytes a file may unpack to."""
    return max(MAX_UNPACKED, MAX_RATIO * path.stat().st_size)


def too_large(path: Path) -> UserError:
    return UserError(f"{path} is refused: it unpacks to more than {most_unpacked(path) >> 20} MB.")


def check_encoding(name: str) -> None:
    """Refuse what is no encoding of texts."""
    try:
        codecs.lookup(name)
        "".encode(name)  # "hex" and "rot13" are codecs, but not of texts
    except (LookupError, ValueError) as error:
        raise unknown("encoding", name, _USUAL) from error


@contextmanager
def open_text(path: Path, encoding: str = "") -> Iterator[tuple[IO[str], BinaryIO]]:
    """Open a file as text, with its line ends as they are.

    Args:
        encoding: empty for UTF-8, with or without a byte order mark.

    Yields:
        the text, and the file itself, whose `tell` says how much of it was read.
    """
    with path.open("rb") as file:
        unpacked = io.BufferedReader(_unpacked(file, path))
        with io.TextIOWrapper(
            unpacked, encoding=encoding or _DEFAULT_ENCODING, newline=""
        ) as text:
            yield text, cast("BinaryIO", file)


@contextmanager
def open_whole(path: Path) -> Iterator[Path]:
    """Return a file that can be read at any place: itself, or what it unpacks to."""
    if path.suffix not in _CODECS:
        yield path
        return
    with path.open("rb") as file, tempfile.NamedTemporaryFile() as whole:
        unpacked = _unpacked(file, path)
        while content := unpacked.read(1 << 20):
            whole.write(content)
        whole.flush()
        yield Path(whole.name)


@contextmanager
def open_packed(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Return a file that compresses into another what is written to it, if `path` ends so."""
    from pyarrow import CompressedOutputStream

    if path.suffix not in _CODECS:
        yield file
        return
    with (
        CompressedOutputStream(file, _CODECS[path.suffix]) as stream,
        io.BufferedWriter(stream) as packed,
    ):
        yield cast("IO[bytes]", packed)


def _unpacked(file: IO[bytes], path: Path) -> io.RawIOBase:
    from pyarrow import CompressedInputStream

    if path.suffix not in _CODECS:
        return cast("io.RawIOBase", file)
    return _Limited(CompressedInputStream(file, _CODECS[path.suffix]), path)


class _Limited(io.RawIOBase):
    """A stream that refuses to return more than its file may unpack to."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path, self._n_bytes = stream, path, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        content = self._stream.read(len(buffer))
        self._n_bytes += len(content)
        if self._n_bytes > most_unpacked(self._path):
            raise too_large(self._path)
        buffer[: len(content)] = content
        return len(content)
