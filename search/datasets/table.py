"""Read labelled texts from a CSV or Parquet file.

Columns: `text`, `label`; optional `group` (kept together by the split) and `split` with the values
train, validation, test.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from search.datasets.csv_rows import open_rows
from search.datasets.texts import MAX_TEXT_BYTES, Parts, Texts
from tracking.commandline.errors import UserError

SUFFIXES = (".csv", ".parquet")
_PARTS = ("train", "validation", "test")
_NEEDED = ("text", "label")
_COLUMNS = (*_NEEDED, "group", "split")
_ROWS = 1_024
# Parquet writes an equal text once, however often it occurs. Texts that differ shrink to a tenth.
_MAX_UNPACKED, _MAX_RATIO = 1 << 30, 100

Columns = dict[str, list[str]]  # an empty text stands for a missing one


def read(path: Path) -> Parts:
    """Read a table and divide it by its `split` column, if it has one."""
    columns = _load(path)
    for column in _NEEDED:
        _refuse_missing(columns, column, path)
    whole = Texts(columns["text"], columns["label"], columns.get("group"))
    if "split" not in columns:
        return Parts(whole)
    split = np.array(columns["split"], dtype=object)
    strange = sorted(set(columns["split"]) - set(_PARTS))
    if strange or "train" not in columns["split"]:
        raise UserError(
            f"split must be one of {', '.join(_PARTS)}, with some rows of train, "
            f"but {path} has {', '.join(map(repr, sorted(set(columns['split']))))}."
        )
    parts = {
        name: whole.select(np.asarray(split == name))
        for name in _PARTS
        if name in columns["split"]
    }
    return Parts(parts["train"], parts.get("validation"), parts.get("test"))


def _load(path: Path) -> Columns:
    from pyarrow import ArrowException

    try:
        return _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except UnicodeDecodeError as error:
        raise UserError(
            f"a data file must be UTF-8, but {path} has byte 0x{error.object[error.start]:02x} "
            f"({error.reason})."
        ) from error
    except (csv.Error, ArrowException, ValueError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{path} cannot be read as {path.suffix[1:]}: {reason}") from error


def _csv(path: Path) -> Columns:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        _, rows = open_rows(opened, str(path), _NEEDED, strict=False)
        head = next(rows, [])
        if not head:
            raise csv.Error("it is empty.")
        places = {name: head.index(name) for name in _found(head, path)}
        columns: Columns = {name: [] for name in places}
        for row in rows:
            if len(row) < len(_NEEDED) and not "".join(row).strip():  # an empty line
                continue
            if len(row) > len(head):
                raise UserError(
                    f"{path} has {len(head)} columns, but {len(row)} fields in data row "
                    f"{len(columns['text']) + 1}."
                )
            for name, place in places.items():
                columns[name].append(row[place] if place < len(row) else "")
    return columns


def _parquet(path: Path) -> Columns:
    """Read the columns in batches. A text that occurs often is one object, as in the file."""
    from pyarrow import parquet

    schema = parquet.read_schema(path)
    found = _found(schema.names, path)
    texts = [name for name in found if _is_text(schema.field(name).type, name, path)]
    columns: Columns = {name: [] for name in found}
    most, n_bytes = max(_MAX_UNPACKED, _MAX_RATIO * path.stat().st_size), 0
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        _refuse_long_chunks(file.metadata, found, path)
        for batch in file.iter_batches(batch_size=_ROWS, columns=found):
            for name in found:
                cells = _cells(batch.column(name), name, path)
                n_bytes += sum(map(len, cells)) + 8 * len(cells)
                columns[name].extend(cells)
            if n_bytes > most:
                raise UserError(f"{path} is refused: it unpacks to more than {most >> 20} MB.")
    return columns


def _found(names: Sequence[str], path: Path) -> list[str]:
    """Return our columns among these."""
    missing = [column for column in _NEEDED if column not in names]
    if missing:
        raise UserError(
            f"a data file needs the columns text and label, but {path} lacks "
            f"{' and '.join(missing)}. Its columns: {', '.join(names)}."
        )
    return [column for column in _COLUMNS if column in names]


def _is_text(kind: Any, name: str, path: Path) -> bool:
    """Return whether a column holds texts; refuse one that holds neither texts nor numbers."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_nested(kind) or "binary" in str(kind):
        raise UserError(
            f"the column {name} must hold texts or numbers, but in {path} it holds {kind}."
        )
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _refuse_long_chunks(metadata: Any, found: Sequence[str], path: Path) -> None:
    """Refuse a part of a column that is longer than its texts may be, before it is unpacked."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            chunk = group.column(index)
            most = (chunk.num_values + 1) * MAX_TEXT_BYTES
            if chunk.path_in_schema in found and chunk.total_uncompressed_size > most:
                raise _too_long(chunk.path_in_schema, path)


def _cells(column: Any, name: str, path: Path) -> list[str]:
    """Return the values of a column as text."""
    from pyarrow import compute, types

    if not types.is_dictionary(column.type):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    values = column.dictionary
    is_text = types.is_string(values.type) or types.is_large_string(values.type)
    if is_text and (compute.max(compute.binary_length(values)).as_py() or 0) > MAX_TEXT_BYTES:
        raise _too_long(name, path)
    known = ["" if value is None else str(value) for value in values.to_pylist()]
    return ["" if index is None else known[index] for index in column.indices.to_pylist()]


def _too_long(name: str, path: Path) -> UserError:
    return UserError(
        f"a text may have at most {MAX_TEXT_BYTES:,} bytes, but {path} has a longer one in the "
        f"column {name}."
    )


def _refuse_missing(columns: Columns, column: str, path: Path) -> None:
    missing = [row for row, value in enumerate(columns[column], start=1) if not value.strip()]
    if missing:
        raise UserError(
            f"every row needs a {column}, but {path} has {len(missing)} empty ones, "
            f"the first in data row {missing[0]}."
        )
