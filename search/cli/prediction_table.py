"""Score a column of a CSV file, row by row, so that its length does not matter."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from search.cli.scoring_progress import ScoringProgress
from search.datasets.csv_rows import open_rows
from tracking.commandline.errors import UserError

if TYPE_CHECKING:
    from search.bundles.classifier import Classifier

PREDICTED = "predicted"
_ROWS = 1_024


def score_table(load: Callable[[], Classifier], source: Path, column: str, out: Path) -> None:
    """Write the rows of a table with the columns predicted, and p_CLASS for each class, added.

    The table may be delimited by commas, semicolons, tabs or bars; the new one is alike.

    Args:
        load: gives the classifier, once the table is found to have the column.

    Raises:
        UserError: if the table cannot be read or has no such column; nothing is written then.
    """
    if source.resolve() == out.resolve():
        raise UserError(f"--out is to be another file than --csv, but both are {source}.")
    try:
        with (
            source.open(encoding="utf-8-sig", newline="") as opened,
            ScoringProgress(source.stat().st_size) as progress,
        ):
            delimiter, rows = _open(opened, source, column)
            head = next(rows, [])
            if column not in head:
                raise UserError(
                    f"{source} has no column {column!r}. It has: {', '.join(head) or 'none'}."
                )
            classifier = load()
            added = [PREDICTED, *(f"p_{name}" for name in classifier.classes)]
            for name in added:
                if name in head:
                    raise UserError(f"{source} has a column {name!r} already.")
            with _Whole(out) as target:
                writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
                writer.writerow([*head, *added])
                place = head.index(column)
                for batch in _batches(rows, len(head), source):
                    said = classifier.predict([row[place] for row in batch])
                    for row, one in zip(batch, said, strict=True):
                        writer.writerow([*row, one.label, *one.probabilities.values()])
                    at_byte = os.lseek(opened.fileno(), 0, os.SEEK_CUR)  # tell() is for lines
                    progress.advance(len(batch), at_byte)
    except OSError as error:
        raise UserError(f"{error.filename or out}: {error.strerror or error}.") from error


def _open(opened: IO[str], source: Path, column: str) -> tuple[str, Iterator[list[str]]]:
    """Return the delimiter and the rows, the head first."""
    with _reading(source):
        delimiter, rows = open_rows(opened, str(source), (column,), strict=True)

    def all_rows() -> Iterator[list[str]]:
        with _reading(source):
            yield from rows

    return delimiter, all_rows()


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(f"{source} must be UTF-8: {error.reason}.") from error
    except csv.Error as error:
        raise UserError(f"{source} is no CSV file: {error}.") from error


def _batches(rows: Iterator[list[str]], n_columns: int, source: Path) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    for number, row in enumerate(rows, start=1):
        if not row:  # an empty line
            continue
        if len(row) != n_columns:
            raise UserError(
                f"{source}: a row has as many fields as the head, {n_columns}, but row {number} "
                f"has {len(row)}."
            )
        batch.append(row)
        if len(batch) == _ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


class _Whole:
    """Open a file for writing that takes its place when all is written, and else vanishes."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> IO[str]:
        number, self._name = tempfile.mkstemp(
            dir=self._out.absolute().parent, prefix=".seqsearch-"
        )
        self._file = os.fdopen(number, "w", encoding="utf-8", newline="")
        return self._file

    def __exit__(self, *exception: object) -> None:
        try:
            self._file.close()
            if exception[0] is None:
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(self._name, 0o666 & ~mask)  # as any other new file, not for us alone
                os.replace(self._name, self._out)
        finally:
            Path(self._name).unlink(missing_ok=True)
