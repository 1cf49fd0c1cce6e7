"""A person's own Python file beside a model that needs it: source.py, and source.json about it."""

from __future__ import annotations

import json
from pathlib import Path

from tracking.commandline.errors import UserError
from tracking.records import SourceRecord

TEXT, ABOUT = "source.py", "source.json"
_LARGEST = 1 << 20  # bytes


def write(folder: Path, source: SourceRecord) -> None:
    """Write both files."""
    (folder / TEXT).write_bytes(source.text.encode("utf-8"))
    about = {
        "name": source.name,
        "target": source.target,
        "families": list(source.families),
        "module": source.module,
        "sha256": source.sha256,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")


def read(folder: Path) -> SourceRecord | None:
    """Read both files, and run nothing; None if they are not there.

    Raises:
        UserError: if they are not what `write` writes.
    """
    files = [folder / name for name in (TEXT, ABOUT)]
    if not any(file.exists() for file in files):
        return None
    try:
        if any(not f.is_file() or f.is_symlink() or f.stat().st_size > _LARGEST for f in files):
            raise ValueError("they must be regular files of a megabyte at most")
        text = (folder / TEXT).read_bytes().decode("utf-8")
        match json.loads((folder / ABOUT).read_text("utf-8")):
            case {
                "name": str(name),
                "target": str(target),
                "families": [*families],
                "module": str(module),
                "sha256": sha256,
            } if all(isinstance(family, str) for family in families):
                source = SourceRecord(name, text, target, tuple(families), module)
            case _:
                raise ValueError(f"{ABOUT} lacks a field")
        if source.sha256 != sha256:
            raise ValueError(f"{TEXT} is not the file whose SHA-256 {ABOUT} has")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / TEXT} and {ABOUT} are damaged: {error}.") from error
    return source
