"""Of a trial's commits three wait for the disk, however it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

from search.engines import Asked
from search.engines.optuna import OptunaEngine
from search.failures import Died, TrialFailed
from search.study import Coordinator
from tests.builders import place_database
from tests.coordinator import DATASET, PLAN, RECORD, Script, Watching, place
from tracking import store


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
class Counting(Watching):
    """Notes what has waited whenever a trial begins."""

    waits: list[str] = field(default_factory=list)
    of_trials: list[list[str]] = field(default_factory=list)

    def trial_begins(self, asked: Asked) -> None:
        self.of_trials.append(list(self.waits))
        self.waits.clear()


def fails(tick: Callable[[], None]) -> None:
    raise TrialFailed("out of memory with these values")


def dies(tick: Callable[[], None]) -> None:
    raise Died("its process was killed")


def goes_on(tick: Callable[[], None]) -> None: ...


def test_of_a_trials_commits_three_wait_for_the_disk_however_it_ended(
    tmp_path: Path, waits: list[str]
) -> None:
    root = place_database(tmp_path / "records")
    plan = PLAN.with_budget(11, None)
    records = store.open_study(root, RECORD, fresh=False)
    engine = OptunaEngine(
        root / "optuna.db", "s", records.parent, plan, seed=7, sampler="random", pruner="median"
    )
    watching = Counting(waits=waits)
    good = [0.8 + number / 100 for number in range(8)]  # each has the model of the one before
    script = Script([goes_on] * 6 + [fails, dies], [*good, 0.1, 0.1, 0.1, 0.1])
    whole = (plan, engine, records, DATASET, watching, script.check_stop)
    Coordinator(*whole, place(script), keep_models=1).run()

    ends = {(state, void) for _, state, void in watching.ends}
    assert ends == {("complete", False), ("failed", False), ("failed", True), ("pruned", False)}
    _opening, *trials = watching.of_trials
    # A trial is recorded and told, then the next is asked.
    assert trials == [["mlflow.db", "optuna.db", "optuna.db"]] * 11
