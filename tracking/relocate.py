"""After the records were moved or copied: let MLflow look for files where they are now.

MLflow writes down where each file lies as an absolute address. Whoever moves the folder orphans
them; whoever copies it has two databases that point to the files of the first.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_FOLDER = "artifacts"


def elsewhere(database: Path) -> set[str]:
    """Give the addresses of artifact folders that are not the one beside this database."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    ours = database.parent / _FOLDER
    found = {address for (address,) in rows if str(address).endswith(f"/{_FOLDER}")}
    return {address for address in found if not _is_same(_path(address), ours)}


def relocate(database: Path) -> int:
    """Point every address into the artifact folder beside this database.

    Returns:
        how many addresses were changed.
    """
    new = (database.parent / _FOLDER).absolute().as_uri()
    changed = 0
    with closing(sqlite3.connect(database)) as connection, connection:
        for old in elsewhere(database):
            for table, column in _ADDRESSES:
                changed += connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                ).rowcount
    return changed


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _is_same(one: Path, other: Path) -> bool:
    same_place = one.resolve() == other.resolve()  # also where the folder itself is gone
    return same_place or (one.exists() and other.exists() and one.samefile(other))
