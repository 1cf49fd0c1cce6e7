"""Train finalists on fresh seeds: what is missing, each seed once, several at a time."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.failures import TrialFailed
from search.finals.select import Finalist
from search.pool import run_all
from search.tasks import ControlTask, Refitted, Result, Task
from tracking.cli import Stopped
from tracking.records import EpochRecord, LookRecord, ScoreRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.finals.progress import Progress
    from tracking.finals_store import FinalsStore
    from tracking.records import RepeatRecord
    from tracking.trial_log import TrialLog


@dataclass(frozen=True)
class Seed:
    """One training to be made."""

    finalist: Finalist
    index: int


def missing(
    chosen: Sequence[Finalist], repeats: tuple[RepeatRecord, ...], n_seeds: int
) -> list[Seed]:
    """Give the trainings that are not on record, the first seed of each finalist first."""
    known = {(one.of, repeat.index) for one in chosen for repeat in one.repeats_in(repeats)}
    return [
        Seed(one, index)
        for index in range(n_seeds)
        for one in chosen
        if index < one.n_seeds(n_seeds) and (one.of, index) not in known
    ]


Logs = dict[Path, tuple[Seed, "TrialLog"]]  # what is under way, by the folder of its task


@dataclass(frozen=True)
class Trainer:
    """Trains and records. Whatever happens in between, it is recorded.

    Attributes:
        n_threads: of TensorFlow in each process; None leaves it to it.
        check_stop: raises Stopped when the user asked to end.
    """

    store: FinalsStore
    data: Dataset
    study_seed: int
    n_workers: int
    n_threads: int | None
    progress: Progress
    check_stop: Callable[[], None]

    def run(self, seeds: Sequence[Seed]) -> None:
        """Train these.

        Raises:
            Stopped: if the user asked to end; what has finished is not trained again.
            RuntimeError: if a training hit a bug of ours, after it was recorded.
        """
        logs: Logs = {}
        reason = "cut short"
        with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
            try:
                self._train(self._tasks(seeds, Path(folder), logs), logs)
            except Stopped as stop:
                reason = str(stop)
                raise
            except BaseException:
                reason = traceback.format_exc()
                raise
            finally:
                for _, log in logs.values():
                    log.close("failed", None, reason=reason, void=True)

    def _train(self, tasks: Iterator[Task | ControlTask], logs: Logs) -> None:
        with closing(run_all(tasks, self.n_workers, self._tick)) as events:
            for task, event in events:
                seed, log = logs[task.folder]
                if isinstance(event, EpochRecord):
                    log.epoch(event)
                    self.progress.epoch_ends(seed, event)
                    continue
                _close(log, task, event)
                del logs[task.folder]
                shutil.rmtree(task.folder)
                self.progress.seed_ends(seed, event)

    def _tasks(
        self, seeds: Sequence[Seed], folder: Path, logs: Logs
    ) -> Iterator[Task | ControlTask]:
        """Begin the record of each training when a process is free for it."""
        for number, seed in enumerate(seeds):
            own = folder / str(number)
            own.mkdir()
            logs[own] = seed, self._open(seed)
            self.progress.seed_begins(seed)
            yield self._task(seed, own)

    def _open(self, seed: Seed) -> TrialLog:
        one = seed.finalist
        return self.store.open_repeat(
            one.role,
            one.of,
            seed.index,
            one.params,
            seed=one.seed(self.study_seed, seed.index),
            parent=one.run_id,
            data=self.data.record,
        )

    def _task(self, seed: Seed, folder: Path) -> Task | ControlTask:
        one = seed.finalist
        if one.role == "control":
            return ControlTask(str(one.of), self.data, folder)
        return Task(
            one.params,
            one.family,
            self.data,
            one.seed(self.study_seed, seed.index),
            folder,
            n_threads=self.n_threads,
        )

    def _tick(self) -> None:
        self.check_stop()
        self.progress.tick()


def _close(log: TrialLog, task: Task | ControlTask, event: Result | TrialFailed) -> None:
    """Record how a training ended, its files first."""
    files = [task.output, task.predictions]
    if isinstance(task, Task):
        files += [task.summary, task.model]
    log.keep_files(*files)
    match event:
        case ScoreRecord() as score:
            log.close("complete", score, reason="", void=False)
        case TrialFailed() as failure:  # these values cannot be trained on this seed
            log.close("failed", None, reason=str(failure), void=False)
        case LookRecord() | Refitted():
            raise RuntimeError("a repeat looked at the test set, or was refitted")
