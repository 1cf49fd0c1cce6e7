"""A terminal that is closed while a program writes to it.

To write to it is an error from then on, a moment before the signal comes that says so. What is
said then is said to nobody; whether the program ends is for the signal alone.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO


def outlive() -> None:
    """Let what this program says be lost where its terminal is closed, and be no error."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def leave() -> None:
    """Write to nowhere from now on, if our terminal was closed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        try:
            os.ttyname(stream)
        except OSError as error:
            if error.errno == errno.EIO:
                os.dup2(nowhere, stream)
    os.close(nowhere)


class _Terminal(io.FileIO):
    def write(self, text: Any, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            leave()
            return memoryview(text).nbytes


def _outliving(stream: TextIO) -> TextIO:
    if stream is None or not stream.isatty():
        return stream
    stream.flush()
    terminal = _Terminal(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(terminal), stream.encoding, stream.errors, line_buffering=True
    )
