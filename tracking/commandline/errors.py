"""The errors a person sees, and what an error of a library means.

A `UserError` is shown as one line with exit code 2. `passing` says which errors of libraries are
no fault of ours: a full disk, a store that is away, a damaged database.
"""

from __future__ import annotations

import difflib
import errno
import re
import shutil
import signal
import sqlite3
from collections.abc import Iterable, Iterator

from tracking.commandline.formatting import plain
from tracking.commandline.paths import home
from tracking.commandline.redaction import redact

_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PAGE = 65_536  # bytes; a disk with less has no room for anything of ours
_DAMAGE = re.compile("malformed|not a database|readonly|unable to open|no such table|disk I/O")


class UserError(Exception):
    """Something the user can mend; its text is the one line that is shown."""


class Stopped(Exception):
    """The user asked the program to end (Ctrl-C, SIGTERM, or a closed terminal)."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum
        self.is_interrupt = signum == signal.SIGINT
        self.exit_code = 128 + signum


def unknown(noun: str, name: str, known: Iterable[str]) -> UserError:
    """Say that a name is not known, what is, and which one was probably meant."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f" Did you mean {plain(close[0])}?" if close else ""
    names = ", ".join(map(plain, choices)) or "none"
    return UserError(f"unknown {noun} {plain(name)!r}.{hint} Known: {names}.")


def passing(error: Exception) -> str | None:
    """Say what is no fault of ours: the user can mend it, or it passes."""
    if disk_is_full(error):
        return "the disk is full. Free some space; the same command then goes on from here."
    if is_outage(error):
        return f"a store does not answer: {cause(error)}. The same command goes on from here."
    if isinstance(error, OSError) and error.errno in _DENIED and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}. Let us read and write it."
    if is_damage(error):
        return (
            f"a database in {home()} cannot be used: {cause(error)}. Let us read and write "
            "mlflow.db there, or put a backup in its place."
        )
    return None


def disk_is_full(error: BaseException | None) -> bool:
    """Return it of an error or of what caused it; SQLite says it in words only."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error):
            return True
        # What SQLite says of its index of the log, where no byte is left.
        if "disk I/O error" in str(error) and _n_bytes_free() < _PAGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _n_bytes_free() -> int:
    """Count the bytes that are free where the records are."""
    there = next(folder for folder in (home(), *home().parents) if folder.is_dir())
    return shutil.disk_usage(there).free


def is_outage(error: BaseException | None) -> bool:
    """Return whether it may be gone at another attempt: a store that is away, or is locked."""
    import requests
    from sqlalchemy.exc import DBAPIError

    if disk_is_full(error):
        return False
    for one in _chain(error):
        if isinstance(one, UserError):
            return False
        if isinstance(one, DBAPIError):
            return _passes(one)
        if isinstance(one, requests.RequestException):
            away = (requests.ConnectionError, requests.Timeout, requests.exceptions.RetryError)
            return isinstance(one, away)
    return False


def is_damage(error: BaseException | None) -> bool:
    """Return whether a SQLite file is damaged, foreign, or cannot be opened or written."""
    from sqlalchemy.exc import DBAPIError

    for one in _chain(error):
        raised = one.orig if isinstance(one, DBAPIError) else one
        if isinstance(raised, sqlite3.DatabaseError) and _DAMAGE.search(str(raised)):
            return True
    return False


def cause(error: BaseException | None) -> str:
    """Say in a line what the database or the server said, without credentials."""
    from sqlalchemy.exc import DBAPIError

    for one in _chain(error):
        if isinstance(one, DBAPIError):
            lines = str(one.orig or one).strip().splitlines()
            return redact(f"{type(one.orig or one).__name__}: {lines[0] if lines else ''}")
        error = one
    lines = str(error).strip().splitlines()
    return redact(f"{type(error).__name__}: {lines[0] if lines else ''}")


def _passes(error: object) -> bool:
    """Whether an error of a database is of the kind that passes."""
    from sqlalchemy.exc import DBAPIError, OperationalError

    assert isinstance(error, DBAPIError)
    if type(error.orig).__module__.startswith("sqlite3"):  # whose others, as a missing file, stay
        return "locked" in str(error.orig) or "busy" in str(error.orig)
    return error.connection_invalidated or isinstance(error, OperationalError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error, what caused it, what caused that, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
