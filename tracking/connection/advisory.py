"""Locks across machines: advisory locks of PostgreSQL, each held by a connection of its own.

A lock is gone with its connection. So nothing is left of a holder that was killed, but a holder
must look whether it still has it. Others see its name, for the connection carries it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tracking.connection import address

if TYPE_CHECKING:
    from sqlalchemy import Connection

_POLL_SECONDS = 0.05
# The server gives up a machine that vanished without a word after half a minute, not two hours.
_SESSION = """
    SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
_KEY = "SELECT hashtextextended('seqsearch ' || :what || coalesce(current_schema(), ''), 0)"
_OWN = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_HOLDER = """
    SELECT pid, backend_start, application_name
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32 | objid::bigint) = :key
"""


class AdvisoryLock:
    """A lock on something in a schema of a PostgreSQL database.

    Args:
        what: is locked.
        name: of its holder; PostgreSQL keeps 63 bytes of it.
    """

    def __init__(self, uri: str, what: str, name: str) -> None:
        self._engine = address.connect(uri, alone=True, application_name=name)
        self._what = what
        self._connection: Connection | None = None
        self._own: tuple[object, ...] = ()  # what tells our connection from all others

    def keep(self) -> str | None:
        """Take the lock, or make sure that it is still ours, and take it again if it was lost.

        Returns:
            who else has it; None if it is ours.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import DBAPIError

        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
                return None
            except DBAPIError:
                self.release()
        self._connection = self._engine.connect()
        try:
            who = self._take(self._connection)
        except BaseException:
            self.release()
            raise
        if who is not None:
            self.release()
        return who

    def release(self) -> None:
        """Return the lock back, with the connection that holds it."""
        from sqlalchemy.exc import DBAPIError

        if self._connection is not None:
            with suppress(DBAPIError):  # it was cut
                self._connection.close()
            self._connection = None

    def _take(self, connection: Connection) -> str | None:
        from sqlalchemy import text

        connection.execute(text(_SESSION))
        key = {"key": connection.scalar(text(_KEY), {"what": self._what})}
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            holder = connection.execute(text(_HOLDER), key).first()
            if holder is None:
                continue  # it was given back a moment ago
            pid, since, name = holder
            if (pid, since) != self._own:
                return _said(name, since)
            # The server has not noticed yet that our connection was lost.
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            time.sleep(_POLL_SECONDS)
        self._own = tuple(connection.execute(text(_OWN)).one())
        return None


@contextmanager
def waited_for(uri: str, what: str) -> Iterator[None]:
    """Hold a lock for a moment; wait until whoever has it gives it back."""
    lock = AdvisoryLock(uri, what, "seqsearch")
    try:
        while lock.keep() is not None:
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        lock.release()


def _said(name: str | None, since: object) -> str:
    if not name or not isinstance(since, datetime):  # another user's, which we may not see
        return "another process"
    return f"{name}, since {since.astimezone(UTC).isoformat(timespec='seconds')}"
