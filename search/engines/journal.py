"""A search as a file of events, one JSON object a line, which can be gone through again.

A line is added at its end and never changed. One that a kill or a full disk tore is the last, has
no end, and is cut off when the file is opened for writing.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from spaces.ranges import Value
from tracking.cli import UserError
from tracking.records import State

_OWNER = re.compile(r"\w[\w-]{0,63}")  # the id of a run; a file is named by it


@dataclass(frozen=True)
class Attempt:
    """A trial that was asked for.

    Attributes:
        first: the number under which its values were asked for the first time.
        sampler: who proposed the values; empty for a starting point.
        rung: what Keras Tuner's hyperband adds to the values.
        void: it was cut short and counts for nothing.
    """

    number: int
    first: int
    sampler: str
    origin: str
    seed: int
    params: Mapping[str, Value]
    rung: Mapping[str, Value] = field(default_factory=dict)
    state: State = "running"
    void: bool = False
    value: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Ended:
    """How an attempt ended."""

    number: int
    state: State
    value: float | None
    void: bool
    reason: str = ""


def folder_of(root: Path) -> Path:
    """The journals among all records."""
    return root / "keras_tuner"


Event = Attempt | Ended | float  # a number is the seconds that the study has taken


class Journal:
    """The journal of a study, open for writing.

    Attributes:
        events: attempts as they were asked for, and how they ended, in their order.
        attempts: by number, as far as each has come.
        seconds: that the study has taken.
    """

    def __init__(self, file: Path | None, owner: str) -> None:
        """Open the journal, and begin it if it is not there.

        Args:
            file: None keeps it in memory, for a replay.
            owner: id of the records that it belongs to. What another owner left, half a
                `--fresh`, is put aside.
        """
        self.events: list[Attempt | Ended] = []
        self.attempts: dict[int, Attempt] = {}
        self.seconds = 0.0
        self._file = file
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            _cut_torn_line(file)
            there = _owner(file)
            if there == owner:
                for event in _events(file):
                    self._take(event)
                return
            if there is not None:
                if not _OWNER.fullmatch(there):
                    raise _not_ours(file, f"its owner is {there[:60]!r}")
                file.replace(file.with_name(f"{file.stem}-of-{there}{file.suffix}"))
        self._write({"owner": owner})

    def ask(self, attempt: Attempt) -> None:
        self._write({"ask": asdict(attempt)})
        self._take(attempt)

    def tell(self, end: Ended) -> None:
        self._write({"tell": asdict(end)})
        self._take(end)

    def spend(self, seconds: float) -> None:
        self._write({"seconds": seconds})
        self._take(seconds)

    def _take(self, event: Event) -> None:
        if isinstance(event, (int, float)):
            self.seconds = event
            return
        self.events.append(event)
        _follow(self.attempts, event)

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")
                lines.flush()
                os.fsync(lines.fileno())


def read_attempts(file: Path, owner: str) -> dict[int, Attempt]:
    """Read what a journal remembers, while somebody may be writing it.

    Returns:
        attempts by number; none if there is no such journal, or it is another owner's.
    """
    attempts: dict[int, Attempt] = {}
    if _owner(file) == owner:
        for event in _events(file):
            if isinstance(event, (Attempt, Ended)):
                _follow(attempts, event)
    return attempts


def _follow(attempts: dict[int, Attempt], event: Attempt | Ended) -> None:
    """Bring the attempts to where they are after the event."""
    if isinstance(event, Attempt):
        attempts[event.number] = event
    else:
        attempts[event.number] = replace(attempts[event.number], **asdict(event))


def _owner(file: Path) -> str | None:
    """Give the owner of a journal; None if there is none, or it was never begun."""
    if not file.is_file():
        return None
    try:
        with file.open(encoding="utf-8") as lines:
            first = lines.readline()
        return str(json.loads(first)["owner"]) if first.endswith("\n") else None
    except (ValueError, KeyError, TypeError) as error:
        raise _not_ours(file, "it does not begin with an owner") from error


def _events(file: Path) -> Iterator[Event]:
    whole, _, _torn = file.read_bytes().rpartition(b"\n")
    for number, line in enumerate(whole.split(b"\n"), start=1):
        try:
            event = _event(json.loads(line))
        except (ValueError, TypeError) as error:
            raise _not_ours(file, f"line {number} cannot be read") from error
        if event is not None:
            yield event


def _event(line: Any) -> Event | None:
    match line:
        case {"ask": attempt}:
            return Attempt(**attempt)
        case {"tell": end}:
            return Ended(**end)
        case {"seconds": int() | float() as seconds}:
            return float(seconds)
    return None


def _not_ours(file: Path, why: str) -> UserError:
    return UserError(
        f"{file} is not a journal of Keras Tuner's trials: {why}. Put a backup in its place, or "
        "move it away and add --fresh to search.run to start anew."
    )


def _cut_torn_line(file: Path) -> None:
    if file.is_file():
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with file.open("r+b") as lines:
                lines.truncate(whole)
