"""After the records were moved or copied: let MLflow look for files where they are now.

MLflow writes down where each file lies as an absolute address. Whoever moves the folder orphans
them; whoever copies it has two databases that point to the files of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, text

from tracking.connection import address
from tracking.connection.files import folder

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
_FOLDER = "artifacts"


def elsewhere(root: Path) -> set[str]:
    """Return the addresses of artifact folders in the records that are not the one beside them."""
    with _connect(root) as connection:
        rows = connection.execute(text("SELECT DISTINCT artifact_location FROM experiments")).all()
    ours = root / _FOLDER
    others = set()
    for (location,) in rows:
        place = folder(str(location))
        if place is not None and place.name == _FOLDER and not _is_same(place, ours):
            others.add(str(location))
    return others


def relocate(root: Path) -> int:
    """Point every address of the records into the artifact folder beside them.

    Returns:
        how many addresses were changed.
    """
    new = (root / _FOLDER).absolute().as_uri()
    changed = 0
    for old in elsewhere(root):
        values = {"new": new, "old": old, "rest": len(old) + 1, "inside": f"{old}/"}
        with _connect(root) as connection:
            for table, column in _ADDRESSES:
                changed += connection.execute(
                    text(
                        f"UPDATE {table} SET {column} = :new || substr({column}, :rest) "
                        f"WHERE {column} = :old OR substr({column}, 1, :rest) = :inside"
                    ),
                    values,
                ).rowcount
    return changed


@contextmanager
def _connect(root: Path) -> Iterator[Connection]:
    """Open the database of the records for one transaction."""
    engine = address.connect(address.tracking_uri(root))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _is_same(one: Path, other: Path) -> bool:
    with suppress(ValueError):  # no path at all: it holds a NUL
        same_place = one.resolve() == other.resolve()  # also where the folder itself is gone
        return same_place or (one.exists() and other.exists() and one.samefile(other))
    return False
