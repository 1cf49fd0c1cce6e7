"""Read a CSV file row by row: find its delimiter, and refuse what would fill the memory."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from itertools import chain
from typing import IO

from search.datasets.texts import MAX_TEXT_BYTES
from tracking.commandline.errors import UserError

_DELIMITERS = ",;\t|"
_MAX_LINE = 2 * MAX_TEXT_BYTES  # a text, and what else stands in its row


def open_rows(
    opened: IO[str], source: str, wanted: Collection[str], *, strict: bool
) -> tuple[str, Iterator[list[str]]]:
    """Return the delimiter and all rows, the column names first.

    Args:
        opened: with the encoding utf-8-sig and `newline=""`.
        source: how the file is named in an error.
        wanted: columns that tell which delimiter is meant.
        strict: refuse a quote in the middle of a quoted field.

    Raises:
        UserError: from here or the rows, if a line or a field is too long.
        csv.Error: from the rows, if a quote is not closed.
    """
    lines = _lines(opened, source)
    first = next((line for line in lines if line.strip("\r\n")), "")
    delimiter = _delimiter(first, wanted)
    return delimiter, _parse(chain([first], lines), source, delimiter, strict)


def _lines(opened: IO[str], source: str) -> Iterator[str]:
    number = 0
    while line := opened.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise UserError(
                f"a line of a CSV file may have at most {_MAX_LINE:,} characters, but line "
                f"{number:,} of {source} has more."
            )
        yield line


def _delimiter(first: str, wanted: Collection[str]) -> str:
    """Choose the delimiter that yields most of the wanted columns, then most columns."""

    def columns(delimiter: str) -> tuple[int, int]:
        names = next(csv.reader([first], delimiter=delimiter), [])
        return sum(name in names for name in wanted), len(names)

    return max(_DELIMITERS, key=columns)


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
