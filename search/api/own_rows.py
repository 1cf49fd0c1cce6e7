"""Texts that are in memory become a Parquet file, and go the way of one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.datasets import columns as naming
from search.datasets.cache import folder
from search.datasets.columns import TableOptions
from search.datasets.table import json_cell
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import plain

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(r"\w[\w.-]{0,59}")


@dataclass(frozen=True)
class OwnRows:
    """A table in memory.

    Attributes:
        name: of the data, and so a part of the study's.
    """

    name: str
    frame: pd.DataFrame

    @property
    def file_name(self) -> str:
        return f"{self.name}.parquet"

    def write(self, options: TableOptions) -> Path:
        """Write the columns that are read to a file in the cache, named by what is in it.

        Raises:
            UserError: if there is no text or label, or a cell holds something else.
        """
        names = [str(name) for name in self.frame.columns]
        chosen = naming.choose(names, options, self.name)
        cells = {name: self._cells(names.index(name), name) for name in chosen.values()}
        digest = hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]
        file = folder() / "frames" / digest / self.file_name
        try:
            _write(file, cells)
        except OSError as error:
            raise UserError(f"{file} cannot be written: {error.strerror or error}.") from error
        return file

    def _cells(self, place: int, name: str) -> list[str | None]:
        """Return the values of a column as text; None where one is missing.

        Labels that are whole numbers are so, though pandas made them floats where some lack.
        """
        column = self.frame.iloc[:, place]
        if column.dtype.kind == "f":
            column = column.convert_dtypes()
        values, missing = column.astype(object).tolist(), column.isna().tolist()
        where = Path(self.name)
        return [
            None if lacks else json_cell(_plain(value), name, number, where)
            for number, (value, lacks) in enumerate(zip(values, missing, strict=True), start=1)
        ]


def own_rows(data: Any, name: str | None) -> str | OwnRows:
    """Return the table that somebody holds in memory, or the path or name of one elsewhere.

    Args:
        data: a path, a name, a DataFrame, a list of (text, label), or a function that returns one
            of them. A label of None is that of an unlabelled text.
        name: of the data; None is the function's, "frame" or "pairs".

    Raises:
        UserError: if it is something else, or the name cannot be that of a file.
    """
    given = data() if callable(data) else data
    if isinstance(given, str | os.PathLike):
        if name is not None:
            raise UserError(f"data_name names what has no file, but data is {os.fspath(given)!r}.")
        return str(os.fspath(given))
    from pandas import DataFrame

    default = "frame" if isinstance(given, DataFrame) else "pairs"
    if callable(data):
        default = getattr(data, "__name__", "").strip("<>") or default
    if not isinstance(given, DataFrame):
        given = DataFrame(_pairs(given), columns=["text", "label"], dtype=object)
    chosen = name or default
    if not _NAME.fullmatch(chosen):
        raise UserError(
            f"data_name must have 1 to 60 letters, digits, _, - and ., but got {plain(chosen)!r}."
        )
    return OwnRows(chosen, given)


def _pairs(data: Any) -> list[tuple[Any, Any]]:
    is_list = isinstance(data, list | tuple)
    for number, row in enumerate(data if is_list else [data], start=1):
        if not is_list or not isinstance(row, list | tuple) or len(row) != 2:
            got = f"row {number} of {type(row).__name__}" if is_list else type(data).__name__
            raise UserError(
                "data must be a path, imdb, imdb-train, a DataFrame, a list of (text, label), or "
                f"a function that returns one of them, but got {got}."
            )
    return [(text, label) for text, label in data]


def _plain(value: Any) -> Any:
    """Return a value of a cell; what has parts as a list, which no cell may be.

    Half a surrogate pair, as JSON can hold one, is no character of any text.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    return list(value) if hasattr(value, "__len__") else value


def _write(file: Path, cells: Mapping[str, list[str | None]]) -> None:
    import pyarrow
    from pyarrow import parquet

    if file.is_file():
        return
    columns = {name: pyarrow.array(column, pyarrow.string()) for name, column in cells.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as building:
        whole = Path(building) / file.name
        parquet.write_table(pyarrow.table(columns), whole)
        whole.replace(file)
