"""Records that cannot be read: which run, and why.

Tags, metrics and files can be edited or lost. Reading a run raises `Unreadable` and nothing else,
so that whoever reads many can leave it out and name it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mlflow.entities import Run

from tracking.commandline.errors import UserError
from tracking.connection.metrics import read_number
from tracking.records import UnreadableRecord

RUN_ID = re.compile(r"[0-9a-f]{32}")
MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_SHOWN = 60  # characters of a value

T = TypeVar("T")


class Unreadable(UserError):
    """A run's record is damaged.

    Attributes:
        record: says which run, and why.
    """

    def __init__(self, run: Run, reason: str) -> None:
        self.record = UnreadableRecord(
            run_id=shown(run.info.run_id, RUN_ID),
            name=shown(run.info.run_name or "", re.compile(r"[\w.-]+")),
            number=_trial_number(run),
            reason=reason,
        )
        super().__init__(self.record.sentence)


@contextmanager
def reading(run: Run) -> Iterator[None]:
    """Turn whatever a damaged record makes fail into `Unreadable`."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise Unreadable(run, f"it does not hold what it should ({what[:300]})") from error


def readable(
    runs: Iterable[Run], read: Callable[[Run], T]
) -> tuple[list[T], list[UnreadableRecord]]:
    """Read runs; return what was read, and those that cannot be."""
    found, lost = [], []
    for run in runs:
        try:
            found.append(read(run))
        except Unreadable as error:
            lost.append(error.record)
    return found, lost


def tag(run: Run, name: str, form: re.Pattern[str] = re.compile(r"(?s).*"), noun: str = "") -> str:
    """Return a tag that the run must have.

    Args:
        form: what the whole of it must match.
        noun: what it then is, for the person.
    """
    value = run.data.tags.get(name)
    if value is None:
        raise Unreadable(run, f"its tag {name} is missing")
    if not form.fullmatch(value):
        raise Unreadable(run, f"its tag {name} is {value[:_SHOWN]!r}, which is not {noun}")
    return value


def number(run: Run, name: str) -> int:
    """Return a tag that must be a whole number, 0 or greater."""
    return int(tag(run, name, re.compile(r"[0-9]{1,20}"), "a whole number"))


def metric(run: Run, name: str) -> float:
    """Return a metric that the run must have."""
    if name not in run.data.metrics:
        raise Unreadable(run, f"its metric {name} is missing")
    return read_number(run.data.metrics[name])


def shown(value: str, form: re.Pattern[str]) -> str:
    """Write a value that should be of a form: as it is, or quoted and cut."""
    return value if form.fullmatch(value) and len(value) <= _SHOWN else repr(value[:_SHOWN])


def _trial_number(run: Run) -> int | None:
    value = run.data.tags.get("trial.number", "")
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None
