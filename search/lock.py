"""One process at a time works on a study."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tracking import environment
from tracking.cli import UserError


@contextmanager
def alone(root: Path, study: str) -> Iterator[None]:
    """Be the only process that works on a study.

    Raises:
        UserError: if there is another, which it names.
    """
    holder = root / f"{study}.holder"
    try:
        with FileLock(root / f"{study}.lock", timeout=0):
            holder.write_text(json.dumps(_who()), "utf-8")
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
    except Timeout:
        raise UserError(f"study {study} is being run by {_said(holder)}.") from None


def _who() -> dict[str, str]:
    return {
        "process": f"process {os.getpid()} of {environment.who()}",
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _said(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text("utf-8"))
    except (OSError, ValueError):  # it took the lock a moment ago, or gives it back
        return "another process"
    return f"{who['process']}, since {who['since']}"
