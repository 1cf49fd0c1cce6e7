"""Space kept back in the folder of the records, so that a full disk can still be recorded."""

from __future__ import annotations

from pathlib import Path

_N_BYTES = 4 * 2**20  # what ends a trial takes a fraction of it, in both stores


def set_aside(root: Path) -> None:
    """Make the reserve, if it is not there. A file of zeros would be no space on some disks."""
    file = _file(root)
    if not file.is_file() or file.stat().st_size < _N_BYTES:
        file.write_bytes(b"\1" * _N_BYTES)


def release(root: Path) -> None:
    """Give the space back."""
    _file(root).unlink(missing_ok=True)


def _file(root: Path) -> Path:
    return root / ".reserve"
