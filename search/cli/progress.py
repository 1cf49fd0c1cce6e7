"""What the person sees while a study runs: a live line on a terminal, plain lines when piped."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from search.coordinator.estimate import seconds_of_study
from tracking.commandline.console import notes_on
from tracking.commandline.formatting import brief, duration, percent
from tracking.reporting.comparison import accuracy_of

if TYPE_CHECKING:
    from search.engines.base import Proposal
    from spaces.plan import StudyPlan
    from tracking.records import (
        BaselineRecord,
        EpochRecord,
        ScoreRecord,
        StudyRecord,
        TrialRecord,
    )


@dataclass
class Tally:
    """Counts and times of the study so far, the earlier sessions included."""

    n_finished: int = 0
    n_pruned: int = 0
    n_failed: int = 0
    best: float | None = None
    seconds: float = 0.0

    def add(self, state: str, accuracy: float | None, seconds: float) -> None:
        self.n_finished += 1
        self.n_pruned += state == "pruned"
        self.n_failed += state == "failed"
        self.seconds += seconds
        if accuracy is not None and (self.best is None or accuracy > self.best):
            self.best = accuracy


def tally(study: StudyRecord, plan: StudyPlan) -> Tally:
    """Count what is recorded, of a reproduction what it was asked for."""
    counts = Tally()
    done: Counter[str] = Counter()
    for trial in study.trials:
        if trial.has_ended:
            done[trial.proposed_by] += 1
            asked_for = trial.proposed_by in plan.initial_trials()
            if plan.reproduces and not (asked_for and done[trial.proposed_by] <= plan.repeats):
                continue
            accuracy = trial.score.val_accuracy if trial.score else None
            counts.add(trial.state, accuracy, trial.seconds)
    return counts


@dataclass
class _UnderWay:
    """A trial as it is shown."""

    record: TrialRecord
    place: int
    began: float
    epoch: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


@dataclass
class Progress:
    """Shows trials and epochs as they come.

    Attributes:
        baselines: what the best is held against; empty where nothing was published.
        per_trial: estimated seconds of a trial, until one has finished.
        n_workers: how many trials are evaluated side by side.
    """

    console: Console
    plan: StudyPlan
    baselines: tuple[BaselineRecord, ...]
    counts: Tally
    per_trial: float
    n_workers: int = 1
    _live: Live | None = None
    _under_way: dict[int, _UnderWay] = field(default_factory=dict)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def simple_baseline_begins(self, name: str) -> None:
        self._print(f"simple baseline {name}: no neural network, on the same texts")

    def simple_baseline_ends(self, name: str, score: ScoreRecord | None, reason: str) -> None:
        if score is None:
            self._print(f"simple baseline {name} failed: {reason}")
        else:
            self._print(
                f"simple baseline {name} complete: {percent(score.val_accuracy)} on validation"
            )

    def trial_put_off(self, proposal: Proposal, lacking: float) -> None:
        self._print(
            f"trial {proposal.number} is not started: at the pace measured so far it lacks at "
            f"least {duration(lacking)}. It is the first when --timeout is raised."
        )

    def trial_begins(self, trial: TrialRecord) -> None:
        place = self.counts.n_finished + len(self._under_way) + 1
        began = time.monotonic() - trial.trained_seconds
        shown = self._under_way[trial.number] = _UnderWay(trial, place, began, len(trial.epochs))
        names = self.plan.searched_for(trial.params) or trial.params
        values = ", ".join(f"{n} {brief(trial.params[n])}" for n in names if n in trial.params)
        self._print(f"trial {trial.number}{self._of(shown)}, {trial.proposed_by}: {values}")

    def trial_continues(self, trial: TrialRecord, *, has_checkpoint: bool) -> None:
        if trial.has_ended:  # it is counted when it ends again
            self.counts.n_finished -= 1
            self.counts.n_pruned -= trial.state == "pruned"
            self.counts.seconds -= trial.seconds
        line = f"trial {trial.number} is continued after epoch {len(trial.epochs)}"
        if trial.epochs and not has_checkpoint:
            line += "; it has no checkpoint, so the same epochs are trained once more"
        self._print(line)

    def epoch_ends(self, trial: TrialRecord, epoch: EpochRecord) -> None:
        self._under_way[trial.number].epoch = epoch.epoch
        if self._live is None:
            which = f"trial {trial.number}, " if self.n_workers > 1 else ""
            self._print(
                f"  {which}epoch {epoch.epoch}/{trial.params['train.epochs']}: "
                f"train {percent(epoch.train_accuracy)}, "
                f"{_validation(epoch)}{duration(epoch.seconds)}; {self._summary()}"
            )
        self.tick()

    def trial_ends(self, trial: TrialRecord) -> None:
        del self._under_way[trial.number]
        score = trial.score
        reason = trial.reason.strip().splitlines()[-1] if trial.reason else ""
        if trial.has_ended:
            self.counts.add(trial.state, score.val_accuracy if score else None, trial.seconds)
        if score is not None:
            result = f"{percent(score.val_accuracy)} on validation at epoch {score.best_epoch}"
            result += f" ({reason})" if reason else ""
        elif trial.evaluation is not None:
            result = f"{percent(trial.evaluation.accuracy)} on test"
        else:
            result = reason
        self._print(f"trial {trial.number} {trial.state}: {result}, {duration(trial.seconds)}")

    def tick(self) -> None:
        if self._live is not None and self._under_way:
            self._live.update(Text(self._status(), no_wrap=True, overflow="ellipsis"))
            self._live.refresh()

    def _status(self) -> str:
        trials = [
            f"trial {trial.record.number}{self._of(trial)} · "
            f"epoch {trial.epoch + 1}/{trial.record.params['train.epochs']} · "
            f"{duration(trial.seconds)}"
            for trial in self._under_way.values()
        ]
        return " · ".join([*trials, self._summary()])

    def _summary(self) -> str:
        if self.plan.reproduces:
            return f"about {duration(self._left())} left"
        best = "none yet" if self.counts.best is None else percent(self.counts.best)
        against = [f" (baseline {accuracy_of(line)})" for line in self.baselines]
        return (
            f"best {best}{''.join(against[:1])}, "
            f"{self.counts.n_pruned} pruned, about {duration(self._left())} left"
        )

    def _left(self) -> float:
        counts = self.counts
        per_trial = counts.seconds / counts.n_finished if counts.n_finished else self.per_trial
        running = sum(trial.seconds for trial in self._under_way.values())
        return seconds_of_study(
            self.plan,
            per_trial / self.n_workers,
            n_finished=counts.n_finished,
            spent=counts.seconds / self.n_workers,
            running=running / self.n_workers,
        )

    def _of(self, trial: _UnderWay) -> str:
        n_trials = self.plan.n_trials
        return "" if n_trials is None else f" ({trial.place} of {n_trials})"

    def _print(self, line: str) -> None:
        notes_on(self.console)(line)


def _validation(epoch: EpochRecord) -> str:
    if epoch.val_accuracy is None:
        return ""
    return f"validation {percent(epoch.val_accuracy)}, "
