"""Where the trials of a study leave their files while they are under way.

The folder lies beside the study's records and only its user can enter it, so that the next
coordinator can trust what one before it left there: the files of each trial, and the socket
through which its process is adopted (search/adopt.py). Nothing is left of it when a study ends, or
is stopped with no trial left waiting.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Listener
from pathlib import Path

from search.temporary import LONGEST_ADDRESS, short_folder
from tracking.cli import Stopped

SETTLED = "settled"  # a file: somebody has the records put right
_KEY, _SOCKET = "key", "socket"
_KEY_BYTES = 32
_MOST_PENDING = 16  # calls to a process that does not answer now
_ENDING = ".trials"


@dataclass(frozen=True)
class Scratch:
    """A folder for the trials of a session.

    Attributes:
        is_found: whether the next coordinator would find it: not where it cannot be kept from
            others, as on some network drives.
        left: numbers of the trials that are left waiting for the next coordinator, whose files
            stay.
    """

    folder: Path
    is_found: bool
    left: set[int] = field(default_factory=set)


def scratch_of(root: Path, study: str) -> Path:
    return root / f"{study}{_ENDING}"


def study_of(place: Path) -> str:
    """Name the study whose folder this is."""
    return place.name.removesuffix(_ENDING)


@contextmanager
def opened(place: Path | None) -> Iterator[Scratch]:
    """Have a folder for the trials of a session.

    Args:
        place: where it is to be; None is the system's place for temporary files.
    """
    if place is not None and _prepare(place):
        scratch = Scratch(place, is_found=True)
        try:
            yield scratch
        except Stopped as stop:
            if stop.is_interrupt:
                scratch.left.clear()
            raise
        finally:
            if scratch.left:
                clear(place, scratch.left)
            else:
                remove(place)
        return
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
        yield Scratch(Path(folder), is_found=False)


def is_private(place: Path) -> bool:
    """Tell whether this is a folder that nobody but us can enter."""
    try:
        found = place.lstat()
    except OSError:
        return False
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return is_ours and not found.st_mode & 0o077


def sockets(place: Path) -> dict[int, Path]:
    """Give the sockets of the trials in a folder, by number; none if it is not ours alone."""
    if not is_private(place):
        return {}
    found = {path.parent.name: path for path in place.glob(f"*/{_SOCKET}")}
    return {int(name): path for name, path in sorted(found.items()) if name.isdecimal()}


def key(place: Path) -> bytes:
    """Give what a process and the coordinator that calls it know each other by."""
    return (place / _KEY).read_bytes()


def clear(place: Path, keep: set[int]) -> None:
    """Delete what a coordinator left, but for the files of these trials."""
    kept = {_KEY, *map(str, keep)}
    for path in place.iterdir() if is_private(place) else ():
        if path.name in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove(place: Path) -> None:
    """Delete a study's folder, if it is ours."""
    if is_private(place):
        shutil.rmtree(place, ignore_errors=True)


def listen(folder: Path) -> Listener:
    """Make the socket of a trial, in its folder."""
    with reached(folder / _SOCKET) as address:
        return Listener(address, "AF_UNIX", _MOST_PENDING, key(folder.parent))


@contextmanager
def reached(path: Path) -> Iterator[str]:
    """Give an address of a socket that is short enough for the system."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    with short_folder() as short:
        link = short / "folder"
        link.symlink_to(path.parent.absolute())
        yield str(link / path.name)


def _prepare(place: Path) -> bool:
    """Make the folder and its key, if they are not there; tell whether it is ours alone."""
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:  # something else has its name
        return False
    if not is_private(place):
        return False
    file = place / _KEY
    if not file.is_file() or file.stat().st_size != _KEY_BYTES:  # no process has read half a one
        file.write_bytes(os.urandom(_KEY_BYTES))
        file.chmod(0o600)
    return True
