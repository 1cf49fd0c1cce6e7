"""Read labelled texts from a CSV or Parquet file.

Columns: `text`, `label`; optional `group` (kept together by the split) and `split` with the values
train, validation, test.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search.datasets.texts import Parts, Texts
from tracking.cli import UserError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")
_PARTS = ("train", "validation", "test")


def read(path: Path) -> Parts:
    """Read a table and divide it by its `split` column, if it has one."""
    frame = _load(path)
    missing = [column for column in ("text", "label") if column not in frame.columns]
    if missing:
        raise UserError(
            f"a data file needs the columns text and label, but {path} lacks "
            f"{' and '.join(missing)}. Its columns: {', '.join(map(str, frame.columns))}."
        )
    for column in ("text", "label"):
        _refuse_missing(frame, column, path)
    whole = Texts(
        frame["text"].astype(str).tolist(),
        frame["label"].astype(str).tolist(),
        frame["group"].astype(str).tolist() if "group" in frame.columns else None,
    )
    if "split" not in frame.columns:
        return Parts(whole)
    split = frame["split"].astype(str).to_numpy()
    strange = sorted(set(split) - set(_PARTS))
    if strange or "train" not in split:
        raise UserError(
            f"split must be one of {', '.join(_PARTS)}, with some rows of train, "
            f"but {path} has {', '.join(map(repr, sorted(set(split))))}."
        )
    parts = {name: whole.select(np.asarray(split == name)) for name in _PARTS if name in split}
    return Parts(**parts)


def _load(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        # "NA" and "null" are words like any other here.
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"a CSV file must be UTF-8, but {path} has byte 0x{error.object[error.start]:02x} "
            f"({error.reason})."
        ) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{path} cannot be read as {path.suffix[1:]}: {reason}") from error


def _refuse_missing(frame: pd.DataFrame, column: str, path: Path) -> None:
    values = frame[column]
    missing = np.flatnonzero(values.isna() | (values.astype(str).str.strip() == ""))
    if len(missing):
        raise UserError(
            f"every row needs a {column}, but {path} has {len(missing)} empty ones, "
            f"the first in data row {missing[0] + 1}."
        )
