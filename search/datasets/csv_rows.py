"""Read a CSV file row by row: find its delimiter, and refuse what would fill the memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import IO

from search.datasets.texts import MAX_TEXT_BYTES
from tracking.commandline.errors import UserError

DELIMITERS = ",;\t|"
_MAX_LINE = 2 * MAX_TEXT_BYTES  # a text, and what else stands in its row


def open_rows(
    opened: IO[str],
    source: str,
    n_known: Callable[[Sequence[str]], int],
    *,
    strict: bool,
    delimiters: str = DELIMITERS,
) -> tuple[str, Iterator[list[str]]]:
    """Return the delimiter and all rows, the column names first.

    Args:
        opened: as text, with `newline=""`.
        source: how the file is named in an error.
        n_known: counts the columns that are looked for, which tells the delimiter that is meant.
        strict: refuse a quote in the middle of a quoted field.
        delimiters: those that may be meant.

    Raises:
        UserError: from here or the rows, if a line or a field is too long.
        csv.Error: from the rows, if a quote is not closed.
    """
    lines = read_lines(opened, source)
    first = next((line for line in lines if line.strip("\r\n")), "")
    delimiter = _delimiter(first, n_known, delimiters)
    return delimiter, _parse(chain([first], lines), source, delimiter, strict)


def read_lines(opened: IO[str], source: str) -> Iterator[str]:
    """Read line by line, and refuse one that no row of texts has."""
    number = 0
    while line := opened.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise UserError(
                f"a line of a data file may have at most {_MAX_LINE:,} characters, but line "
                f"{number:,} of {source} has more."
            )
        yield line


def _delimiter(first: str, n_known: Callable[[Sequence[str]], int], delimiters: str) -> str:
    """Choose the delimiter that yields most of the columns looked for, then most columns."""

    def columns(delimiter: str) -> tuple[int, int]:
        names = next(csv.reader([first], delimiter=delimiter), [])
        return n_known(names), len(names)

    return max(delimiters, key=columns)


def _parse(lines: Iterator[str], source: str, delimiter: str, strict: bool) -> Iterator[list[str]]:
    at_end = False

    def until_end() -> Iterator[str]:
        nonlocal at_end
        yield from lines
        at_end = True

    csv.field_size_limit(MAX_TEXT_BYTES)
    reader = csv.reader(until_end(), delimiter=delimiter, strict=strict)
    try:
        for row in reader:
            if at_end:  # a whole row ends with its line
                raise csv.Error("a quote is opened and never closed")
            yield row
    except csv.Error as error:
        if "field limit" not in str(error):
            raise
        raise UserError(
            f"a text may have at most {MAX_TEXT_BYTES:,} characters, but line "
            f"{reader.line_num:,} of {source} has more."
        ) from error
