"""A coordinator without Keras: a small plan and data, and stand-ins for processes and display."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from search.coordinator.loop import Coordinator
from search.datasets.batches import Ragged
from search.datasets.cache import Dataset
from search.engines.base import Proposal, derive
from search.engines.optuna.optuna_engine import OptunaEngine
from search.training.failures import TrialFailed
from search.workers.executor import ExecutorConfig
from search.workers.tasks import STEPS, Task
from search.workers.trial_process import Event
from tests.builders import whole_model
from tests.plans import DROPOUT
from tracking import store
from tracking.commandline.errors import Stopped
from tracking.connection.retry import RetryPolicy
from tracking.records import (
    BaselineRecord,
    EpochRecord,
    EvaluationRecord,
    PlanRecord,
    RungRecord,
    ScoreRecord,
    TrialRecord,
)

PLAN = DROPOUT.with_max_epochs(3)


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
class RecordingCallbacks:
    """Notes what the coordinator shows."""

    ends: list[tuple[int, str]] = field(default_factory=list)

    simple_baselines: list[tuple[str, str]] = field(default_factory=list)

    def simple_baseline_begins(self, name: str) -> None: ...

    def simple_baseline_ends(self, name: str, score: ScoreRecord | None, reason: str) -> None:
        self.simple_baselines.append((name, reason))

    put_off: list[int] = field(default_factory=list)

    def trial_put_off(self, proposal: Proposal, lacking: float) -> None:
        self.put_off.append(proposal.number)

    def trial_begins(self, trial: TrialRecord) -> None: ...

    continued: list[int] = field(default_factory=list)

    def trial_continues(self, trial: TrialRecord, *, has_checkpoint: bool) -> None:
        self.continued.append(trial.number)

    epochs: list[tuple[int, int]] = field(default_factory=list)  # trial, epoch

    def epoch_ends(self, trial: TrialRecord, epoch: EpochRecord) -> None:
        self.epochs.append((trial.number, epoch.epoch))

    def trial_ends(self, trial: TrialRecord) -> None:
        self.ends.append((trial.number, trial.state))

    def tick(self) -> None: ...


class Silent:
    """A callbacks that shows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


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
    evaluation: EvaluationRecord | None = None
    by_values: bool = False  # whether accuracies depend on the values alone

    def check_stop(self) -> None:
        if self.stop:
            raise Stopped(self.signum)


class FakePool:
    """Stands in for a process pool: its tasks take turns, one event each time."""

    def __init__(self, script: Script, n_workers: int, tick: Callable[[], None]) -> None:
        self._script = script
        self._tick = tick
        self.n_free = n_workers
        self._under_way: dict[Path, tuple[Task, Iterator[Event]]] = {}
        self._ended: set[Path] = set()

    def __enter__(self) -> FakePool:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def start(self, task: Task, seconds: float = 0.0) -> None:
        script = self._script
        script.tasks.append(task)
        end = script.ends.pop(0) if script.ends else None
        accuracy = script.accuracies.pop(0) if script.accuracies else 0.8 + len(script.tasks) / 99
        if script.by_values:
            accuracy = derive(0, task.seed, str(sorted(task.params.items()))) / 2**31
        self._under_way[task.folder] = task, self._events(task, end, accuracy)
        self.n_free -= 1

    def events(self) -> list[tuple[Task, Event]]:
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
        yield self._script.evaluation or score


def place(script: Script, n_workers: int = 1) -> ExecutorConfig:
    """Have a script evaluate the trials."""
    open_pool = partial(FakePool, script, n_workers)
    return ExecutorConfig(open_pool, n_workers, n_threads=1, is_here=True)


def run_search(
    root: Path,
    n_trials: int,
    script: Script,
    callbacks: RecordingCallbacks | Silent | None = None,
    *,
    n_workers: int = 1,
    keep_models: int = 3,
    sampler: str = "random",
    pruner: str = "none",
    retry: RetryPolicy | None = None,
) -> None:
    """Run a session of the study `s`, as `search.run` does: until it has so many trials."""
    plan = PLAN.with_budget(n_trials, None)
    Coordinator(
        plan,
        OptunaEngine(plan, seed=7, sampler=sampler, pruner=pruner),
        store.open_study(root, RECORD, fresh=False, retry=retry),
        DATASET,
        callbacks or Silent(),
        script.check_stop,
        place(script, n_workers),
        root / "s.trials",
        keep_models=keep_models,
    ).run()
