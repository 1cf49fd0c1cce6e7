"""Train finalists on fresh seeds: what is missing, each seed once, several at a time."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.evaluation.finalists import Finalist, Seed
from search.training.failures import TrialFailed
from search.workers.process_pool import run_all
from search.workers.tasks import (
    CHECKPOINT,
    FamilyWorks,
    Refitted,
    Result,
    SimpleBaselineTask,
    Task,
    TeacherResult,
)
from tracking.commandline.errors import Stopped
from tracking.records import EpochRecord, EvaluationRecord, ScoreRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.evaluation.evaluation_progress import EvaluationProgress
    from tracking.records import RerunRecord, SourceRecord
    from tracking.writing.evaluation_writer import EvaluationWriter
    from tracking.writing.trial_log import TrialLog


def missing(
    chosen: Sequence[Finalist], reruns: tuple[RerunRecord, ...], n_seeds: int
) -> list[Seed]:
    """Return the trainings that are not on record, the first seed of each finalist first."""
    known = {(one.of, rerun.index) for one in chosen for rerun in one.reruns_in(reruns)}
    return [
        Seed(one, index)
        for index in range(n_seeds)
        for one in chosen
        if index < one.n_seeds(n_seeds) and (one.of, index) not in known
    ]


@dataclass(frozen=True)
class Training:
    """One training under way.

    Attributes:
        began: by the machine's clock that never goes back, less what it took before a stop.
    """

    seed: Seed
    log: TrialLog
    began: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


Trainings = dict[Path, Training]  # what is under way, by the folder of its task


@dataclass(frozen=True)
class Trainer:
    """Trains and records. A training that was stopped is continued from its checkpoint.

    Attributes:
        n_threads: of TensorFlow in each process; None leaves it to it.
        check_stop: raises Stopped when the user asked to end.
        source_of: returns the Python file that defines a family; None for one of ours.
        work_dir: where the trainings leave their files, and their checkpoints for the next start.
        trials: the folder in which the search leaves the checkpoints of its trials. What a pruned
            trial left there is gone on from.
    """

    store: EvaluationWriter
    data: Dataset
    study_seed: int
    n_workers: int
    n_threads: int | None
    progress: EvaluationProgress
    check_stop: Callable[[], None]
    work_dir: Path
    source_of: Callable[[str], SourceRecord | None]
    trials: Path | None = None

    def run(self, seeds: Sequence[Seed]) -> None:
        """Train these.

        Raises:
            Stopped: if the user asked to end; what has finished is not trained again.
            RuntimeError: if a training hit a bug of ours, after it was recorded.
        """
        under_way: Trainings = {}
        reason = "its coordinator failed"
        self.work_dir.mkdir(mode=0o700, exist_ok=True)
        try:
            self._train(self._tasks(seeds, under_way), under_way)
        except Stopped as stop:
            reason = str(stop)
            raise
        except BaseException:
            reason = traceback.format_exc()
            raise
        finally:
            for training in under_way.values():
                with suppress(Exception):  # the next start sees that nobody runs it
                    training.log.interrupt(reason, training.seconds)
        shutil.rmtree(self.work_dir)

    def _train(self, tasks: Iterator[Task | SimpleBaselineTask], under_way: Trainings) -> None:
        with closing(run_all(tasks, self.n_workers, self._tick, n_starts=2)) as events:
            for task, event in events:
                training = under_way[task.folder]
                if isinstance(event, EpochRecord):
                    if training.log.epoch(event):
                        self.progress.epoch_ends(training.seed, event)
                    continue
                _close(training, task, event)
                del under_way[task.folder]
                shutil.rmtree(task.folder)
                self.progress.seed_ends(training.seed, event)

    def _tasks(
        self, seeds: Sequence[Seed], under_way: Trainings
    ) -> Iterator[Task | SimpleBaselineTask]:
        """Begin the record of each training when a process is free for it."""
        known = [*self.store.reruns(), *self.store.audits()]
        interrupted = {
            (one.role == "pruned", one.of, one.index): one for one in known if not one.has_ended
        }
        for seed in seeds:
            is_pruned = seed.finalist.role == "pruned"
            rerun = interrupted.get((is_pruned, seed.finalist.of, seed.index))
            before = 0.0 if rerun is None else rerun.seconds
            log = (
                self._open(seed)
                if rerun is None
                else self.store.continue_rerun(rerun, self.data.record)
            )
            folder = self.work_dir / log.run_id
            folder.mkdir(exist_ok=True)
            if is_pruned and rerun is None and self.trials is not None:
                with suppress(OSError):  # it is trained from the start
                    left = self.trials / str(seed.finalist.of) / CHECKPOINT
                    shutil.copyfile(left, folder / CHECKPOINT)
            under_way[folder] = Training(seed, log, time.monotonic() - before)
            self.progress.seed_begins(seed)
            yield self._task(seed, folder)

    def _open(self, seed: Seed) -> TrialLog:
        one = seed.finalist
        return self.store.open_rerun(
            one.role,
            one.of,
            seed.index,
            one.params,
            seed=one.seed(self.study_seed, seed.index),
            parent=one.run_id,
            data=self.data.record,
        )

    def _task(self, seed: Seed, folder: Path) -> Task | SimpleBaselineTask:
        one = seed.finalist
        if one.role == "simple baseline":
            return SimpleBaselineTask(str(one.of), self.data, folder)
        return Task(
            one.params,
            one.family,
            self.data,
            one.seed(self.study_seed, seed.index),
            folder,
            n_threads=self.n_threads,
            source=self.source_of(one.family),
        )

    def _tick(self) -> None:
        self.check_stop()
        self.progress.tick()


def _close(
    training: Training, task: Task | SimpleBaselineTask, event: Result | TrialFailed
) -> None:
    """Record how a training ended, its files first."""
    files = [task.output, task.predictions]
    if isinstance(task, Task):
        files.append(task.summary)
        if training.seed.finalist.role != "pruned":  # no model of it is asked for
            files.append(task.model)
    log = training.log
    log.keep_files(*files)
    match event:
        case ScoreRecord() as score:
            log.close("complete", score, reason="", seconds=training.seconds)
        case TrialFailed() as failure:  # these values cannot be trained on this seed
            log.close("failed", None, reason=str(failure), seconds=training.seconds)
        case EvaluationRecord() | Refitted() | TeacherResult() | FamilyWorks():
            raise RuntimeError("a rerun looked at the test set, was refitted, taught or built")
