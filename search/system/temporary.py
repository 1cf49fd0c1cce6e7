"""A folder for what a program needs for a moment, which the next one deletes if it was killed.

A study that is killed now and then for weeks would else fill the system's place for temporary
files with half-built models and with sockets of Keras' servers.

An address of a socket may have 103 bytes on macOS and 107 on Linux. Where TMPDIR is too long for
that, sockets lie in a folder of their own elsewhere; the other files are where they should be.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import util
from pathlib import Path

from tracking.commandline.errors import UserError

LONGEST_ADDRESS = 103  # bytes, of a socket
_PREFIX = "seqs-"
_NEW_SECONDS = 60.0  # a folder so young may not have been locked yet
_AFTER_MULTIPROCESSING = -101  # which deletes its own folder in ours at -100, and must find it
# What mkdtemp and multiprocessing put between the place and a socket's own name.
_LONGEST_PLACE = LONGEST_ADDRESS - len(f"/{_PREFIX}12345678/pymp-12345678/listener-12345678")
_SHORT = ("/tmp", "/var/tmp")


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Have this process, not those that it starts, make its temporary files in one folder.

    The folder is deleted when the process ends.

    Raises:
        UserError: if a socket would have room nowhere.
    """
    system = Path(tempfile.gettempdir())
    short = _short(system)
    for place in {system, short}:
        _sweep(place)
    before = tempfile.tempdir
    try:
        if short != system:
            tempfile.tempdir = _until_the_end(short)
            util.get_temp_dir()  # here multiprocessing makes its sockets from now on
        tempfile.tempdir = _until_the_end(system)
        yield
    finally:
        tempfile.tempdir = before


def _short(system: Path) -> Path:
    """Return a place where sockets have room: the system's for temporary files, if that will do."""
    for place in (system, *map(Path, _SHORT)):
        if len(os.fsencode(place)) <= _LONGEST_PLACE and os.access(place, os.W_OK | os.X_OK):
            return place
    raise UserError(
        f"temporary files lie in {system}, where the address of a socket is too long, and neither "
        f"{' nor '.join(_SHORT)} can be written. Let TMPDIR name a folder whose path has at most "
        f"{_LONGEST_PLACE} bytes."
    )


def _until_the_end(place: Path) -> str:
    """Make a folder there that is deleted when this process ends."""
    folder, _ = _made(place)
    util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=_AFTER_MULTIPROCESSING)
    return str(folder)


def _made(place: Path) -> tuple[Path, int | None]:
    """Make a folder there and lock it: the system lets go of it when this process ends, however
    it does.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    return folder, _locked(folder)


def _sweep(place: Path) -> None:
    """Delete the folders of programs that were killed."""
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another program sweeps as well, or it is another user's
            found = folder.lstat()
            is_new = time.time() - found.st_mtime < _NEW_SECONDS
            if found.st_uid != os.geteuid() or folder.is_symlink() or is_new:
                continue
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder; None if its program lives, or nothing can be locked there."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
