"""One process at a time works on a study: on this machine, and on all that share its database."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from search.engines.storage import database
from tracking import address, environment
from tracking.cli import UserError, note

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy

    from tracking.advisory import AdvisoryLock


_LOOK_SECONDS = 0.1
_NO_NOTE_SECONDS = 1.0  # that somebody may have the lock without saying who
_SILENT_SECONDS = 2.0  # that we wait without a word


class Taken(UserError):
    """Another process works on the study."""


class Hold:
    """That we are the only one, which a lost connection can end."""

    def __init__(self, study: str, locks: list[AdvisoryLock]) -> None:
        self._study = study
        self._locks = locks

    def keep(self) -> None:
        """Make sure that we still are, before anything is written.

        Raises:
            Taken: if another has taken the study since.
        """
        for lock in self._locks:
            holder = lock.keep()
            if holder is not None:
                raise Taken(
                    f"study {self._study} was taken over by {holder}, while this process had no "
                    "connection to its database. It writes nothing more."
                )


@contextmanager
def alone(root: Path, study: str, *, briefly: bool = False) -> Iterator[Hold]:
    """Be the only process that works on a study.

    Args:
        briefly: another on this machine waits for it, and is not refused.

    Raises:
        Taken: if there is another, which it names.
    """
    with _on_this_machine(root, study, briefly=briefly), ExitStack() as held:
        locks = []
        for uri in _shared(root):
            lock = _open(uri, study)
            held.callback(lock.release)
            locks.append(lock)
        yield Hold(study, locks)


@contextmanager
def _on_this_machine(root: Path, study: str, *, briefly: bool) -> Iterator[None]:
    holder = root / f"{study}.holder"
    with _locked(root / f"{study}.lock", holder, study):
        holder.write_text(json.dumps({**_who(), "briefly": briefly}), "utf-8")
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)


def _locked(file: Path, holder: Path, study: str) -> AcquireReturnProxy[FileLock]:
    """Lock a file; wait for whoever has it for a moment only."""
    lock, began, said = FileLock(file), time.monotonic(), False
    while True:
        try:
            return lock.acquire(timeout=0)
        except Timeout:
            who, waited = _read(holder), time.monotonic() - began
            if not who.get("briefly", not who and waited < _NO_NOTE_SECONDS):
                raise Taken(f"study {study} is being run by {_said(who)}.") from None
            if waited > _SILENT_SECONDS and not said:
                note(f"waiting until the doctor is done with study {study}: {_said(who)}")
                said = True
        time.sleep(_LOOK_SECONDS)


def _shared(root: Path) -> list[str]:
    """Give the databases that other machines can use too."""
    places = (address.named(), str(database(root)))
    return sorted({place for place in places if place.startswith("postgresql")})


def _open(uri: str, study: str) -> AdvisoryLock:
    """Lock the study in a database."""
    from sqlalchemy.exc import SQLAlchemyError

    from tracking.advisory import AdvisoryLock
    from tracking.patience import cause

    try:
        lock = AdvisoryLock(uri, f"study {study}", _who()["process"])
        holder = lock.keep()
    except ModuleNotFoundError as error:
        raise address.no_package(uri, error) from None
    except SQLAlchemyError as error:
        raise address.no_answer(uri, "database", cause(error)) from None
    if holder is not None:
        raise Taken(f"study {study} is being run by {holder}.")
    return lock


def _who() -> dict[str, str]:
    return {
        "process": f"process {os.getpid()} of {environment.who()}",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read(holder: Path) -> dict[str, Any]:
    """Read who has the lock; nothing if it took that a moment ago, or gives it back."""
    try:
        who: dict[str, Any] = json.loads(holder.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return who


def _said(who: Mapping[str, Any]) -> str:
    return f"{who['process']}, since {who['since']}" if who else "another process"
