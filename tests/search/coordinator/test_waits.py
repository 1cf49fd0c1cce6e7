"""Of a trial's commits one waits for the disk, and one more if its process died."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from search.training.failures import Died, TrialFailed
from tests.builders import place_database
from tests.coordinator import RecordingCallbacks, Script, run_search
from tracking.records import TrialRecord


@pytest.fixture
def waits() -> Iterator[list[str]]:
    """The files whose commits waited for the disk, of those that wrote something.

    Of the coordinator's, that is: on a busy machine a trial may last until it is monitored.
    """
    found: list[str] = []
    changes: dict[object, int] = {}  # how many rows a connection had changed by then

    def note(connection: Connection) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        raw = connection.connection.dbapi_connection
        before, changes[raw] = changes.get(raw, 0), raw.total_changes
        if changes[raw] > before and connection.info["synchronous"] == "FULL":
            found.append(Path(str(connection.engine.url.database)).name)

    event.listen(Engine, "commit", note)
    try:
        yield found
    finally:
        event.remove(Engine, "commit", note)


@dataclass
class Counting(RecordingCallbacks):
    """Notes what has waited whenever a trial begins."""

    waits: list[str] = field(default_factory=list)
    of_trials: list[list[str]] = field(default_factory=list)

    def trial_begins(self, trial: TrialRecord) -> None:
        self.of_trials.append(list(self.waits))
        self.waits.clear()


def fails(tick: Callable[[], None]) -> None:
    raise TrialFailed("out of memory with these values")


def dies(tick: Callable[[], None]) -> None:
    raise Died("its process was killed")


def goes_on(tick: Callable[[], None]) -> None: ...


def test_of_a_trials_commits_one_waits_for_the_disk_and_one_more_if_its_process_died(
    tmp_path: Path, waits: list[str]
) -> None:
    root = place_database(tmp_path / "records")
    callbacks = Counting(waits=waits)
    good = [0.8 + number / 100 for number in range(8)]  # each has the model of the one before
    script = Script([goes_on] * 6 + [fails, dies], [*good, 0.1, 0.1, 0.1, 0.1])
    run_search(root, 11, script, callbacks, keep_models=1, pruner="median")

    assert {state for _, state in callbacks.ends} == {"complete", "failed", "pruned"}
    _opening, *trials = callbacks.of_trials
    one, two = ["mlflow.db"], ["mlflow.db"] * 2
    assert trials == [one] * 7 + [two] + [one] * 2
