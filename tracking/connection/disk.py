"""Disks: what can be written, not across a network, and with space kept back.

The space is given back when the disk is full, so that even that can be recorded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tracking.commandline.errors import UserError

_N_BYTES = 4 * 2**20  # what ends a trial takes a fraction of it
_NETWORK = ("nfs", "cifs", "smb", "afs", "ceph", "lustre", "gpfs", "beegfs", "sshfs", "gluster")


def refuse_unwritable(place: Path, *, folder: bool = False) -> None:
    """Make sure that a file or a folder can be made somewhere, its parents included.

    It is tried, as rights alone do not tell: nobody can make a folder in /proc. Nothing stays.

    Args:
        folder: a folder is to be made, and not a file.

    Raises:
        UserError: if it cannot.
    """
    try:
        if place.is_dir() and not folder:
            raise UserError(f"{place} cannot be written: it is a folder.")
        parents = place.absolute().parents
        nearest = next(one for one in parents if one.exists() or one.is_symlink())
        with tempfile.TemporaryDirectory(dir=nearest, prefix=".seqsearch-"):
            pass
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}.") from error


def refuse_network(root: Path) -> None:
    """Refuse a folder across a network, where locks of SQLite files do not hold.

    Raises:
        UserError: if it is one.
    """
    kind = _kind(root)
    if any(kind.rpartition(".")[2].startswith(name) for name in _NETWORK):
        raise UserError(
            f"SQLite files must be on a disk of this machine, but {root} is on a network file "
            f"system ({kind}). Let SEQSEARCH_MLRUNS name a folder that is not, or keep the "
            "records in PostgreSQL (--tracking-uri)."
        )


def _kind(folder: Path) -> str:
    """Name the file system of a folder, or of the nearest one above it that is there."""
    import psutil

    mounts = {Path(disk.mountpoint): disk.fstype for disk in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    return next((mounts[one] for one in (resolved, *resolved.parents) if one in mounts), "")


def set_aside(root: Path) -> None:
    """Keep space back, if that was not done. A file of zeros would be no space on some disks."""
    file = _reserve(root)
    if not file.is_file() or file.stat().st_size < _N_BYTES:
        file.write_bytes(b"\1" * _N_BYTES)


def release(root: Path) -> None:
    """Return the space back."""
    _reserve(root).unlink(missing_ok=True)


def _reserve(root: Path) -> Path:
    return root / ".reserve"
