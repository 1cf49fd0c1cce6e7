"""Which trial is exported, and where its model comes from: kept, trained again, or refitted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from search.training.failures import TrialFailed
from tracking.commandline.errors import UserError
from tracking.records import EpochRecord, ScoreRecord, SourceRecord, StudyRecord, TrialRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset

Say = Callable[[str], None]


@dataclass(frozen=True)
class ModelSource:
    """How the model of a trial is got.

    Attributes:
        retrain: train it again from its values and seed, where it was not kept.
        refit: train it once more, on training and validation part together.
    """

    retrain: bool
    refit: bool

    @property
    def trains(self) -> bool:
        return self.retrain or self.refit


def choose(study: StudyRecord, number: int | None, source: ModelSource) -> TrialRecord:
    """Choose a trial, the best by default.

    Raises:
        UserError: if it has no model, and none can be had of it.
    """
    refuse_reproduction(study)
    name = study.plan.study
    # What was trained elsewhere has no epochs, and cannot be trained again here.
    possible = [t for t in study.candidates if t.model or (source.trains and t.epochs)]
    if number is None and possible:
        return possible[0]
    for trial in possible:
        if trial.number == number:
            return trial
    if not study.candidates:
        raise UserError(f"study {name} has no finished trial to export yet.")
    kept = ", ".join(str(trial.number) for trial in possible) or "none"
    raise UserError(f"{_why_not(study, number)} To export: {kept}.")


def refuse_reproduction(study: StudyRecord) -> None:
    """Refuse to export from a study that keeps no model."""
    if study.reproduces:
        raise UserError(
            f"study {study.plan.study} reproduces published accuracies and keeps no model. "
            "Export from a search, such as architecture."
        )


def _why_not(study: StudyRecord, number: int | None) -> str:
    name = study.plan.study
    again = "--retrain trains it again from its values and seed."
    if number is None:
        return f"study {name} kept no model. {again}"
    for trial in study.trials:
        if trial.number == number:
            if trial.state == "complete" and not trial.epochs:
                return f"trial {number} of {name} was trained elsewhere, where its model is."
            if trial.state == "complete":
                few = "only the best are (--keep-models of search.run says how many)"
                return f"the model of trial {number} of {name} was not kept: {few}. {again}"
            return f"trial {number} of {name} is {trial.state}."
    for one in study.unreadable:
        if one.number == number:
            return f"{one.sentence}."
    return f"trial {number} of {name} does not exist."


def copy_kept(kept: Path, target: Path, trial: TrialRecord) -> None:
    """Copy the model that a trial keeps, before a running study can put a better in its place.

    Raises:
        UserError: if it did so just now.
    """
    try:
        shutil.copyfile(kept, target)
    except FileNotFoundError as error:
        raise UserError(
            f"the model of trial {trial.number} was deleted just now, for the study goes on and "
            "found better ones. The same command again takes the best of now."
        ) from error


@contextmanager
def alone(folder: Path, trial: TrialRecord) -> Iterator[None]:
    """Have the folder in which a trial is trained once more to this process alone.

    Raises:
        UserError: if another has it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            f"trial {trial.number} is being trained once more by another process, in {folder}. "
            "Type the same command again when that has ended."
        ) from None


def train(
    trial: TrialRecord,
    data: Dataset,
    source: ModelSource,
    target: Path,
    folder: Path,
    say: Say,
    *,
    code: SourceRecord | None = None,
) -> int:
    """Train a trial's values in a process of its own, with its seed.

    Args:
        folder: there, and no other process's (alone); it receives the checkpoint, from which the
            same call goes on, and is deleted at the end.
        code: the Python file that defines the family; None where it is one of ours.

    Returns:
        texts that a refitted model was trained on; 0 for one that was trained again as it was.

    Raises:
        UserError: if the values can no longer be trained, or do not give what they gave.
    """
    from search.workers.process_pool import run_all
    from search.workers.tasks import Refitted, Task
    from search.workers.trial_process import server

    assert trial.score is not None
    epochs = trial.score.best_epoch if source.refit else None
    values = (trial.params, trial.family, data, trial.seed, folder)
    task = Task(*values, refit_epochs=epochs, source=code)
    with server(), closing(run_all([task], 1, lambda: None, n_starts=2)) as events:
        for _, result in events:
            if isinstance(result, EpochRecord):
                n_epochs = epochs or trial.params["train.epochs"]
                say(f"  epoch {result.epoch}/{n_epochs}: {result.seconds:.0f} s")
    if isinstance(result, TrialFailed):
        raise UserError(f"trial {trial.number} cannot be trained again: {result}.") from result
    shutil.move(task.model, target)
    shutil.rmtree(folder)
    if isinstance(result, Refitted):
        return result.n_texts
    if isinstance(result, ScoreRecord):
        _compare(trial, result.val_accuracy, say)
    return 0


def _compare(trial: TrialRecord, accuracy: float, say: Say) -> None:
    """Equal values and an equal seed give equal numbers, on the same machine and packages."""
    assert trial.score is not None
    if accuracy != trial.score.val_accuracy:
        raise UserError(
            f"trial {trial.number} was trained again and has {accuracy:.6f} on validation, but "
            f"its record says {trial.score.val_accuracy:.6f}: machine, packages or code are not "
            "those of then (environment.json of its run)."
        )
    say("  the same validation accuracy as on record, to the last digit")
