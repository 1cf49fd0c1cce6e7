"""Score a column of a table, batch by batch, so that its length does not matter."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from search.cli.scoring_progress import ScoringProgress
from search.datasets import columns, table
from search.datasets.columns import TableOptions
from search.datasets.csv_rows import open_rows
from search.datasets.opening import check_encoding, kind, open_packed, open_text, open_whole
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import plain

if TYPE_CHECKING:
    from search.bundles.classifier import Classifier

PREDICTED = "predicted"
_ROWS = 1_024

Row = TypeVar("Row")


def score_table(
    load: Callable[[], Classifier], source: Path, column: str, out: Path, encoding: str = ""
) -> None:
    """Write the rows of a table with the columns predicted, and p_CLASS for each class, added.

    CSV, TSV, JSON Lines or Parquet, each also compressed. The new table has the same format, and
    is compressed if its name says so.

    Args:
        load: returns the classifier, once the table is found to have the column.
        column: empty to know it by its usual names.
        encoding: of the table, empty for UTF-8; the new one is UTF-8.

    Raises:
        UserError: if the table cannot be read or has no such column; nothing is written then.
    """
    if source.resolve() == out.resolve():
        raise UserError(f"--out is to be another file than --csv, but both are {source}.")
    name = table.FORMATS.get(kind(source), "CSV")
    if table.FORMATS.get(kind(out), name) != name:
        raise UserError(f"--out must be {name} as --csv is, but got {out}.")
    if encoding:
        check_encoding(encoding)
    scorer = _Scorer(load, source, column, encoding)
    write = {"JSON Lines": _score_json_lines, "Parquet": _score_parquet}.get(name, _score_csv)
    try:
        with (
            _Whole(out) as target,
            open_packed(target, out) as packed,
            ScoringProgress(source.stat().st_size) as progress,
            _reading(source, encoding),
        ):
            write(scorer, packed, progress)
    except OSError as error:
        raise UserError(f"{error.filename or out}: {error.strerror or error}.") from error


class _Scorer:
    """Scores the texts of one table.

    Attributes:
        column: with the texts.
        added: names of the columns to add.
    """

    def __init__(
        self, load: Callable[[], Classifier], source: Path, column: str, encoding: str
    ) -> None:
        self.source, self.encoding = source, encoding
        self.options = TableOptions(text=column)
        self._load = load

    def open(self, names: Sequence[str]) -> None:
        """Find the column among these, then load the classifier."""
        self.column = self.options.text or columns.guess("text", names)
        if self.column not in names:
            which = repr(self.column) if self.column else "with a usual name (--column NAME)"
            raise UserError(
                f"{self.source} has no column {which}. "
                f"It has: {', '.join(map(plain, names)) or 'none'}."
            )
        self._classifier = self._load()
        self.added = [PREDICTED, *(f"p_{name}" for name in self._classifier.classes)]
        for name in self.added:
            if name in names:
                raise UserError(f"{self.source} has a column {name!r} already.")

    def cells(self, texts: list[str]) -> list[list[Any]]:
        """Return the values of the columns to add, for each text."""
        said = self._classifier.predict(texts)
        return [[one.label, *one.probabilities.values()] for one in said]


def _score_csv(scorer: _Scorer, target: IO[bytes], progress: ScoringProgress) -> None:
    source = scorer.source
    with open_text(source, scorer.encoding) as (opened, file), _text(target) as written:
        delimiter, rows = open_rows(
            opened,
            str(source),
            lambda names: columns.n_known(names, scorer.options),
            strict=True,
            delimiters=table.delimiters_of(source),
        )
        head = next(rows, [])
        scorer.open(head)
        place = head.index(scorer.column)
        writer = csv.writer(written, delimiter=delimiter, lineterminator="\n")
        writer.writerow([*head, *scorer.added])
        for batch in _batches(_of_width(rows, len(head), source)):
            for row, cells in zip(batch, scorer.cells([r[place] for r in batch]), strict=True):
                writer.writerow([*row, *cells])
            progress.advance(len(batch), file.tell())


def _score_json_lines(scorer: _Scorer, target: IO[bytes], progress: ScoringProgress) -> None:
    source = scorer.source
    scorer.open(table.json_names(source, scorer.encoding))
    with open_text(source, scorer.encoding) as (opened, file), _text(target) as written:
        number = 0
        for batch in _batches(table.json_rows(opened, source)):
            texts = [
                table.json_cell(row.get(scorer.column), scorer.column, number + place, source)
                for place, row in enumerate(batch, start=1)
            ]
            for row, cells in zip(batch, scorer.cells(texts), strict=True):
                whole = row | dict(zip(scorer.added, cells, strict=True))
                written.write(json.dumps(whole, ensure_ascii=False) + "\n")
            number += len(batch)
            progress.advance(len(batch), file.tell())


def _score_parquet(scorer: _Scorer, target: IO[bytes], progress: ScoringProgress) -> None:
    import pyarrow
    from pyarrow import parquet

    table.refuse_encoding(scorer.encoding, scorer.source)
    with open_whole(scorer.source) as file, parquet.ParquetFile(file) as opened:
        schema = opened.schema_arrow
        scorer.open(schema.names)
        table.is_text(schema.field(scorer.column).type, scorer.column, scorer.source)
        table.refuse_long_chunks(opened.metadata, [scorer.column], scorer.source)
        kinds = [pyarrow.string(), *[pyarrow.float64()] * (len(scorer.added) - 1)]
        for name, type_ in zip(scorer.added, kinds, strict=True):
            schema = schema.append(pyarrow.field(name, type_))
        with parquet.ParquetWriter(target, schema) as written:
            for batch in opened.iter_batches(batch_size=_ROWS):
                texts = table.parquet_cells(batch.column(scorer.column), scorer.column, file)
                added = zip(*scorer.cells(texts), strict=True)
                arrays = [pyarrow.array(a, t) for a, t in zip(added, kinds, strict=True)]
                whole = [*batch.columns, *arrays]
                written.write_batch(pyarrow.record_batch(whole, schema=schema))
                progress.advance(len(texts))


@contextmanager
def _text(target: IO[bytes]) -> Iterator[IO[str]]:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    yield text
    text.detach()  # which flushes, and leaves it open


@contextmanager
def _reading(source: Path, encoding: str) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(
            f"{source} must be {encoding or 'UTF-8'}: {error.reason}. --encoding names another."
        ) from error
    except csv.Error as error:
        raise UserError(f"{source} is no CSV file: {error}.") from error
    except (ArrowException, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{source} cannot be read: {reason}") from error


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _ROWS)):
        yield batch


def _of_width(rows: Iterator[list[str]], n_columns: int, source: Path) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        if not row:  # an empty line
            continue
        if len(row) != n_columns:
            raise UserError(
                f"{source}: a row has as many fields as the head, {n_columns}, but row {number} "
                f"has {len(row)}."
            )
        yield row


class _Whole:
    """Open a file for writing that takes its place when all is written, and else vanishes."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> IO[bytes]:
        number, self._name = tempfile.mkstemp(
            dir=self._out.absolute().parent, prefix=".seqsearch-"
        )
        self._file = os.fdopen(number, "wb")
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
