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

from tracking import store
from tracking.commandline.console import note
from tracking.commandline.errors import UserError
from tracking.connection import address
from tracking.schema import environment

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy

    from tracking.connection.advisory import AdvisoryLock
    from tracking.connection.lease import Lease


_CHECK_SECONDS = 0.1
_NO_NOTE_SECONDS = 1.0  # that somebody may have the lock without saying who
_SILENT_SECONDS = 2.0  # that we wait without a word


class Taken(UserError):
    """Another process works on the study."""


class Hold:
    """Exclusive ownership of a study; lost if a connection drops or a lease runs out."""

    def __init__(
        self, study: str, lock: AdvisoryLock | Lease | None, *, runs_out: bool = False
    ) -> None:
        self._study = study
        self._runs_out = runs_out
        self._lock = lock
        self._is_held = False

    def renew(self) -> None:
        """Renew it, if it runs out by itself. It costs nothing while that is far."""
        if self._runs_out:
            self.keep()

    def keep(self) -> None:
        """Make sure that it is still ours, before anything is written.

        Raises:
            Taken: if another has taken the study since.
        """
        holder = None if self._lock is None else self._lock.keep()
        if holder is not None and self._is_held:
            raise Taken(
                f"study {self._study} was taken over by {holder}, while this process had no "
                "connection to its records. It writes nothing more."
            )
        if holder is not None:
            raise Taken(f"study {self._study} is being run by {holder}.")
        self._is_held = True


@contextmanager
def alone(root: Path, study: str, *, briefly: bool = False) -> Iterator[Hold]:
    """Be the only process that works on a study.

    Args:
        briefly: another on this machine waits for it, and is not refused.

    Raises:
        Taken: if there is another, which it names.
    """
    with _on_this_machine(root, study, briefly=briefly), ExitStack() as held:
        lock: AdvisoryLock | Lease | None = None
        if address.named().startswith("postgresql"):
            lock = _open(address.named(), study)
        elif address.on_server():
            lock = store.lease(root, study, _who()["process"])
        hold = Hold(study, lock, runs_out=address.on_server())
        if lock is not None:
            held.callback(lock.release)
            hold.keep()
        yield hold


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
        time.sleep(_CHECK_SECONDS)


def _open(uri: str, study: str) -> AdvisoryLock:
    """Lock the study in a database."""
    from sqlalchemy.exc import SQLAlchemyError

    from tracking.commandline.errors import cause
    from tracking.connection.advisory import AdvisoryLock

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
