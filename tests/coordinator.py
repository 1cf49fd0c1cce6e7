"""A coordinator without Keras: a small plan and data, and stand-ins for processes and display."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from search.attempt import Event
from search.batches import Ragged
from search.datasets.cache import Dataset
from search.engines import Asked
from search.failures import TrialFailed
from search.places import Place
from search.tasks import STEPS, Task
from search.watcher import Outcome
from spaces.studies import STUDIES
from tests.builders import whole_model
from tracking.cli import Stopped
from tracking.records import (
    BaselineRecord,
    EpochRecord,
    LookRecord,
    PlanRecord,
    RungRecord,
    ScoreRecord,
)

PLAN = STUDIES["lstm_dropout"].with_max_epochs(3)


class EightTexts(Dataset):
    """Stands in for a prepared data set: eight texts of a hundred tokens, on no disk."""

    def tokens(self, part: str) -> Ragged:
        return Ragged(np.zeros(800, np.int32), np.arange(9) * 100)


DATASET = EightTexts(
    "tiny",
    "",
    False,
    ("neg", "pos"),
    "d",
    "s",
    {"train": 8, "validation": 8},
    folder=Path("none"),
)
RECORD = PlanRecord(
    study="s",
    plan=PLAN.name,
    question=PLAN.question,
    families=PLAN.families,
    space={name: str(PLAN.space[name]) for name in PLAN.searched},
    seed=7,
    max_epochs=3,
    baselines=(BaselineRecord("baseline", 0.8889, "a paper"),),
    references=(),
    data=DATASET.record,
)
MODEL = whole_model()
End = Callable[[Callable[[], None]], None]


@dataclass
class Watching:
    """Notes what the coordinator shows."""

    ends: list[tuple[int, str, bool]] = field(default_factory=list)

    order: list[str] = field(default_factory=list)  # of epochs and ends, as they were served

    controls: list[tuple[str, str]] = field(default_factory=list)

    def control_begins(self, name: str) -> None: ...

    def control_ends(self, name: str, score: ScoreRecord | None, reason: str) -> None:
        self.controls.append((name, reason))

    put_off: list[int] = field(default_factory=list)

    def trial_put_off(self, asked: Asked, lacking: float) -> None:
        self.put_off.append(asked.number)

    def trial_begins(self, asked: Asked) -> None: ...

    def trial_goes_on(self, asked: Asked) -> None: ...

    def epoch_ends(self, asked: Asked, epoch: EpochRecord) -> None:
        self.order.append(f"epoch of {asked.number}")

    def trial_ends(self, asked: Asked, outcome: Outcome) -> None:
        self.ends.append((asked.number, outcome.state, outcome.void))
        self.order.append(f"end of {asked.number}")

    left: list[int] = field(default_factory=list)

    def trial_waits(self, asked: Asked, seconds: float) -> None:
        self.left.append(asked.number)

    def tick(self) -> None: ...


class Silent:
    """A watcher that shows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: None


@dataclass
class Script:
    """What the trial processes will do, one after another; then they complete."""

    ends: list[End] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    seconds: float = 0.1  # that an epoch is said to have taken
    pause: float = 0.0  # seconds that an epoch does take
    stop: bool = False
    signum: int = signal.SIGINT  # that it is stopped by
    tasks: list[Task] = field(default_factory=list)
    look: LookRecord | None = None

    def check_stop(self) -> None:
        if self.stop:
            raise Stopped(self.signum)


class FakePool:
    """Stands in for search.pool.Pool: its tasks take turns, one event each time."""

    def __init__(self, script: Script, n_workers: int, tick: Callable[[], None]) -> None:
        self._script = script
        self._tick = tick
        self.n_free = n_workers
        self._under_way: dict[Path, tuple[Task, Iterator[Event]]] = {}
        self._ended: set[Path] = set()

    def __enter__(self) -> FakePool:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def start(self, task: Task) -> None:
        script = self._script
        script.tasks.append(task)
        end = script.ends.pop(0) if script.ends else None
        accuracy = script.accuracies.pop(0) if script.accuracies else 0.8 + len(script.tasks) / 99
        self._under_way[task.folder] = task, self._events(task, end, accuracy)
        self.n_free -= 1

    def events(self, seconds: float) -> list[tuple[Task, Event]]:
        self._tick()
        found: list[tuple[Task, Event]] = []
        for task, events in list(self._under_way.values()):
            if task.folder in self._ended:
                continue
            try:
                event = next(events)
            except (TrialFailed, RuntimeError) as failure:
                event = failure
            if not isinstance(event, STEPS):
                self._ended.add(task.folder)
            found.append((task, event))
        return found

    def go_on(self, task: Task) -> None: ...

    def stop(self, task: Task) -> None:
        del self._under_way[task.folder]
        self._ended.discard(task.folder)
        self.n_free += 1

    def leave(self) -> list[Task]:
        left = [task for task, _ in self._under_way.values()]
        self._under_way.clear()
        return left

    def _events(self, task: Task, end: End | None, a: float) -> Iterator[Event]:
        if task.first_rung:
            yield RungRecord(task.first_rung, 0.5, 0.1)
        for number in range(1, int(task.params["train.epochs"]) + 1):
            time.sleep(self._script.pause)
            self._tick()
            yield EpochRecord(number, 0.5, 0.9, 0.6, a, 1e-3, self._script.seconds, 500.0)
            if end is not None:
                end(self._tick)
        task.model.write_bytes(MODEL)
        score = ScoreRecord(1, a, a - 0.01, a + 0.01, 0.6, 0.9, 1_000, ((4, 1), (0, 5)))
        yield self._script.look or score


def place(script: Script, n_workers: int = 1, *, outlives: bool = True) -> Place:
    """Have a script evaluate the trials."""
    open_pool = partial(FakePool, script, n_workers)
    return Place(open_pool, n_workers, n_threads=1, is_here=True, outlives=outlives)
