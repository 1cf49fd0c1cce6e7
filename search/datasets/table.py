"""Read labelled texts from a table: CSV, TSV, JSON Lines or Parquet, each also compressed.

A table has a column with the texts and one with the labels; it may have one with groups (kept
together by the split) and one with the parts: train, validation, test. A row without a label is an
unlabelled text. Whatever a table comes from, `parts_of` makes the parts of its columns.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import isnan
from pathlib import Path
from typing import IO, Any

import numpy as np

from search.datasets import columns as naming
from search.datasets.columns import GUESSED, TableOptions
from search.datasets.csv_rows import DELIMITERS, open_rows, read_lines
from search.datasets.opening import (
    check_encoding,
    kind,
    most_unpacked,
    open_text,
    open_whole,
    too_large,
)
from search.datasets.texts import MAX_TEXT_BYTES, Parts, Texts
from tracking.commandline.errors import UserError

_PARTS = ("train", "validation", "test")
_ROWS = 1_024
_CELL_BYTES = 64  # that a short value takes in memory beside its characters
_FIRST_LINES = 1_000  # of JSON Lines, which name the columns: a later line may lack some

Row = Sequence[str]


@dataclass(frozen=True)
class OpenTable:
    """A table whose rows are read as they are asked for.

    Attributes:
        names: of all its columns.
        rows: returns the cells of the columns with these names, row by row; an empty text stands
            for a missing value.
    """

    names: Sequence[str]
    rows: Callable[[Sequence[str]], Iterator[Row]]


def read(path: Path, options: TableOptions = GUESSED) -> Parts:
    """Read a table and divide it by its column with the parts, if it has one.

    Raises:
        UserError: if it cannot be read, lacks a column, or would fill the memory.
    """
    with _open(path, options) as table:
        chosen = naming.choose(table.names, options, str(path))
        cells: dict[str, list[str]] = {role: [] for role in chosen}
        most, n_bytes = most_unpacked(path), 0
        for row in table.rows(list(chosen.values())):
            for column, cell in zip(cells.values(), row, strict=True):
                column.append(cell)
                n_bytes += len(cell) + _CELL_BYTES
            if n_bytes > most:
                raise too_large(path)
    return parts_of(cells, str(path), naming.whole(chosen))


def resolve(path: Path, options: TableOptions) -> TableOptions:
    """Return the options with a name for every column; no more than the names is read.

    Raises:
        UserError: as `read`.
    """
    with _open(path, options) as table:
        chosen = naming.choose(table.names, options, str(path))
    share = options.test_share
    return TableOptions(**naming.whole(chosen), encoding=options.encoding, test_share=share)


@contextmanager
def _open(path: Path, options: TableOptions) -> Iterator[OpenTable]:
    if options.encoding:
        check_encoding(options.encoding)
    with _reading(path, options), _OPEN[FORMATS[kind(path)]](path, options) as table:
        yield table


def parts_of(cells: Mapping[str, Sequence[str]], source: str, columns: Mapping[str, str]) -> Parts:
    """Make the parts of a table's columns.

    Args:
        cells: of equal length, by role: text, label, and maybe group and split. What is blank is
            missing.
        source: how the table is named in an error.
        columns: how its columns are called, by role.

    Raises:
        UserError: if a part is not known.
    """
    text, label = (
        np.array([not _is_blank(cell) for cell in cells[role]], bool) for role in naming.NEEDED
    )
    if len(text) and not text.any():
        raise UserError(f"every row needs a text, but all {len(text):,} of {source} lack one.")
    groups = cells.get("group")
    if groups is not None:  # a row without a group is one of its own
        groups = [group or f"\0{row}" for row, group in enumerate(groups)]
    rows = Texts(cells["text"], cells["label"], groups)
    split = np.array(cells["split"] if "split" in cells else ["train"] * len(rows), dtype=object)
    to_learn_from = np.isin(split, ("train", ""))
    unlabelled = rows.select(np.asarray(text & ~label & to_learn_from))
    left_out = {
        "without a text": int((~text).sum()),
        "of validation or test without a label": int((text & ~label & ~to_learn_from).sum()),
    }
    labelled = text & label
    whole = rows.select(labelled)
    parts = _divide(whole, split[labelled], source) if "split" in cells else {"train": whole}
    return Parts(
        **parts,
        unlabelled=tuple(unlabelled.texts),
        columns=columns,
        left_out={why: n for why, n in left_out.items() if n},
    )


def _divide(whole: Texts, split: Any, source: str) -> dict[str, Texts]:
    found = set(split)
    if found - set(_PARTS) or "train" not in found:
        raise UserError(
            f"split must be one of {', '.join(_PARTS)}, with some rows of train, "
            f"but {source} has {', '.join(map(repr, sorted(found)))}. "
            "--split-column none reads it as a whole."
        )
    return {name: whole.select(np.asarray(split == name)) for name in _PARTS if name in found}


def _is_blank(cell: str) -> bool:
    return not cell or cell.isspace()


@contextmanager
def _reading(path: Path, options: TableOptions) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    from pyarrow import ArrowException

    try:
        yield
    except UnicodeDecodeError as error:
        named = options.encoding or "UTF-8"
        byte = f"0x{error.object[error.start]:02x}"
        raise UserError(
            f"a data file must be {named}, but {path} has byte {byte} ({error.reason}). "
            "--encoding names another, such as cp1252."
        ) from error
    except (csv.Error, ArrowException, ValueError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{path} cannot be read as {kind(path)[1:]}: {reason}") from error


@contextmanager
def _open_csv(path: Path, options: TableOptions) -> Iterator[OpenTable]:
    delimiters = delimiters_of(path)
    with open_text(path, options.encoding) as (opened, _):
        _, rows = open_rows(
            opened,
            str(path),
            lambda names: naming.n_known(names, options),
            strict=False,
            delimiters=delimiters,
        )
        head = next(rows, [])
        if not head:
            raise csv.Error("it is empty.")
        yield OpenTable(head, lambda names: _csv_cells(rows, head, names, path))


def delimiters_of(path: Path) -> str:
    """Return those that may divide the columns of a table."""
    return "\t" if FORMATS.get(kind(path)) == "TSV" else DELIMITERS


def _csv_cells(
    rows: Iterator[list[str]], head: list[str], names: Sequence[str], path: Path
) -> Iterator[Row]:
    places, number = [head.index(name) for name in names], 0
    for row in rows:
        if len(row) < len(naming.NEEDED) and not "".join(row).strip():  # an empty line
            continue
        number += 1
        if len(row) > len(head):
            raise UserError(
                f"{path} has {len(head)} columns, but {len(row)} fields in data row {number}."
            )
        yield [row[place] if place < len(row) else "" for place in places]


@contextmanager
def _open_json_lines(path: Path, options: TableOptions) -> Iterator[OpenTable]:
    def cells(chosen: Sequence[str]) -> Iterator[Row]:
        with open_text(path, options.encoding) as (opened, _):
            for number, row in enumerate(json_rows(opened, path), start=1):
                yield [json_cell(row.get(name), name, number, path) for name in chosen]

    yield OpenTable(json_names(path, options.encoding), cells)


def json_names(path: Path, encoding: str) -> list[str]:
    """Return the names of all columns that the first lines have."""
    with open_text(path, encoding) as (opened, _):
        first = islice(json_rows(opened, path), _FIRST_LINES)
        names = list(dict.fromkeys(name for row in first for name in row))
    if not names:
        raise ValueError("it is empty.")
    return names


def json_rows(opened: IO[str], path: Path) -> Iterator[dict[str, Any]]:
    """Read an object from each line."""
    for number, line in enumerate(read_lines(opened, str(path)), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = str(error).partition(" (char")[0]
            raise UserError(
                f"each line of {path} must be a JSON object, but line {number:,} is none: {said}."
            ) from error
        if not isinstance(row, dict):
            raise UserError(
                f"each line of {path} must be a JSON object, but line {number:,} is a "
                f"{type(row).__name__}."
            )
        yield row


def json_cell(value: Any, name: str, number: int, path: Path) -> str:
    """Return a value of row `number` as text."""
    if isinstance(value, list | dict):
        raise UserError(
            f"the column {name} must hold texts or numbers, but in row {number:,} of {path} it "
            f"holds a {type(value).__name__}."
        )
    cell = _as_text(value)
    if len(cell) > MAX_TEXT_BYTES:
        raise _too_long(name, path)
    return cell


@contextmanager
def _open_parquet(path: Path, options: TableOptions) -> Iterator[OpenTable]:
    from pyarrow import parquet

    refuse_encoding(options.encoding, path)
    with open_whole(path) as file:
        schema = parquet.read_schema(file)
        yield OpenTable(schema.names, lambda names: _parquet_cells(file, schema, names, path))


def refuse_encoding(encoding: str, path: Path) -> None:
    if encoding:
        raise UserError(f"--encoding means nothing to {path}: Parquet is UTF-8.")


def _parquet_cells(file: Path, schema: Any, names: Sequence[str], path: Path) -> Iterator[Row]:
    """Read the columns in batches. A text that occurs often is one object, as in the file."""
    from pyarrow import parquet

    texts = [name for name in names if is_text(schema.field(name).type, name, path)]
    with parquet.ParquetFile(file, read_dictionary=texts) as opened:
        refuse_long_chunks(opened.metadata, names, path)
        for batch in opened.iter_batches(batch_size=_ROWS, columns=list(names)):
            cells = [parquet_cells(batch.column(name), name, path) for name in names]
            yield from zip(*cells, strict=True)


def is_text(type_: Any, name: str, path: Path) -> bool:
    """Return whether a column holds texts; refuse one that holds neither texts nor numbers."""
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if types.is_nested(type_) or "binary" in str(type_):
        raise UserError(
            f"the column {name} must hold texts or numbers, but in {path} it holds {type_}."
        )
    return bool(types.is_string(type_) or types.is_large_string(type_))


def refuse_long_chunks(metadata: Any, found: Sequence[str], path: Path) -> None:
    """Refuse a part of a column that is longer than its texts may be, before it is unpacked."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            most = (chunk.num_values + 1) * MAX_TEXT_BYTES
            if chunk.path_in_schema in found and chunk.total_uncompressed_size > most:
                raise _too_long(chunk.path_in_schema, path)


def parquet_cells(column: Any, name: str, path: Path) -> list[str]:
    """Return the values of a column as text."""
    from pyarrow import compute, types

    if not types.is_dictionary(column.type):
        return [_as_text(value) for value in column.to_pylist()]
    values = column.dictionary
    is_text = types.is_string(values.type) or types.is_large_string(values.type)
    if is_text and (compute.max(compute.binary_length(values)).as_py() or 0) > MAX_TEXT_BYTES:
        raise _too_long(name, path)
    known = [_as_text(value) for value in values.to_pylist()]
    return ["" if index is None else known[index] for index in column.indices.to_pylist()]


def _as_text(value: Any) -> str:
    is_missing = value is None or (isinstance(value, float) and isnan(value))
    return "" if is_missing else str(value)


def _too_long(name: str, path: Path) -> UserError:
    return UserError(
        f"a text may have at most {MAX_TEXT_BYTES:,} bytes, but {path} has a longer one in the "
        f"column {name}."
    )


FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".tab": "TSV",
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".json": "JSON Lines",
    ".parquet": "Parquet",
}
_OPEN = {
    "CSV": _open_csv,
    "TSV": _open_csv,
    "JSON Lines": _open_json_lines,
    "Parquet": _open_parquet,
}
