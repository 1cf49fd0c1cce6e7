"""Wait while a database or a server does not answer, instead of losing what was to be written.

Every call to the records goes through `Patience.insist`, the one place that tries again. A call
that failed may have been carried out all the same, its answer being lost: what must not be done
twice says how to find what it made.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from tracking.commandline.console import note
from tracking.commandline.errors import UserError, disk_is_full
from tracking.commandline.formatting import duration
from tracking.commandline.redaction import redact

LIMIT_SECONDS = 300.0
_FIRST_SECONDS, _LONGEST_SECONDS = 0.1, 5.0  # between two attempts
_TICK_SECONDS = 0.2

_DAMAGE = re.compile("malformed|not a database|readonly|unable to open|no such table|disk I/O")

T = TypeVar("T")


class Outage(UserError):
    """A store has not answered for so long that nobody waits for it any more."""


class Patience:
    """How long, and under which condition, calls to the records are tried again.

    Args:
        say: is told, in a line each, when waiting begins and when it ends.
        tick: called several times a second while waiting; what it raises is passed on.
        hold: called before each attempt; raises if nothing may be written any more.
        limit: seconds; then, and at the first failure of any later call, it is over.
    """

    def __init__(
        self,
        say: Callable[[str], None] = note,
        tick: Callable[[], None] = lambda: None,
        hold: Callable[[], None] = lambda: None,
        limit: float = LIMIT_SECONDS,
    ) -> None:
        self._say = say
        self._tick = tick
        self._hold = hold
        self._limit = limit
        self._gave_up = False

    def insist(
        self, store: str, call: Callable[[], T], made: Callable[[], T | None] = lambda: None
    ) -> T:
        """Call until there is an answer, and give it.

        Args:
            store: what is called, as a person is told.
            made: gives what an attempt made whose answer was lost, if it made anything.

        Raises:
            Outage: if there was none for too long.
        """
        pauses = _pauses()
        began: float | None = None
        while True:
            try:
                self._hold()
                found = None if began is None else made()
                answer = call() if found is None else found
            except Exception as error:
                if not is_outage(error):
                    raise
                if began is None:
                    began = time.monotonic()
                    if not self._gave_up:
                        self._say(f"{store} does not answer: {cause(error)}; trying again")
                self._wait(store, began, error, next(pauses))
                continue
            if began is not None:
                self._say(f"{store} answers again, after {duration(time.monotonic() - began)}")
            return answer

    def _wait(self, store: str, began: float, error: Exception, seconds: float) -> None:
        waited = time.monotonic() - began
        if self._gave_up or waited >= self._limit:
            self._gave_up = True
            raise Outage(
                f"{store} has not answered for {duration(waited)}: {cause(error)}. Nothing "
                "finished is lost: the same command goes on from here."
            ) from error
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(left, _TICK_SECONDS))
        self._tick()


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


def _pauses() -> Iterator[float]:
    doubled = (_FIRST_SECONDS * 2**n for n in itertools.count())
    yield from itertools.takewhile(lambda seconds: seconds < _LONGEST_SECONDS, doubled)
    yield from itertools.repeat(_LONGEST_SECONDS)
