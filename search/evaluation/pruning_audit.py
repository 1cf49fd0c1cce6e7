"""Was pruning right? Some of the pruned trials, trained to their end, beside the best.

It looks at validation alone. The search hears nothing of it: what is trained here is no trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from search.evaluation.evaluation_progress import EvaluationProgress
from search.evaluation.finalists import Finalist
from search.evaluation.reruns import Trainer, missing
from search.training.metrics import wilson
from tracking.commandline.errors import UserError
from tracking.records import PruningAuditRecord
from tracking.reporting.pruning import seen

if TYPE_CHECKING:
    from rich.console import Console

    from search.datasets.cache import Dataset
    from tracking.records import RerunRecord, StudyRecord, TrialRecord
    from tracking.writing.evaluation_writer import EvaluationWriter


@dataclass(frozen=True)
class PruningAudit:
    """The audit of one study and all that works on it.

    Attributes:
        n: how many pruned trials are to have been trained to their end, by earlier audits too.
        top: among how many of the best one counts as wrongly pruned.
        n_threads: of TensorFlow in each process; None leaves it to it.
        check_stop: raises Stopped when the user asked to end.
        work_dir: where trainings leave their checkpoints for the next start.
        trials: the folder in which the search leaves those of its trials.
    """

    study: StudyRecord
    store: EvaluationWriter
    data: Dataset
    n: int
    top: int
    n_workers: int
    n_threads: int | None
    console: Console
    check_stop: Callable[[], None]
    work_dir: Path
    trials: Path

    def run(self) -> None:
        """Train what is missing, and write down what came out.

        Raises:
            Stopped: if the user asked to end; the same command goes on from there.
        """
        self.store.begin()
        seeds = missing(to_audit(self.study, self.n), self.store.audits(), 1)
        with EvaluationProgress(self.console, list(seeds), self.n_workers) as progress:
            if seeds:
                n = len(seeds)
                trials = "1 pruned trial is" if n == 1 else f"{n} pruned trials are"
                progress.say(f"{trials} trained to the end, on validation: {progress.left()}")
            trainer = Trainer(
                self.store,
                self.data,
                self.study.plan.seed,
                self.n_workers,
                self.n_threads,
                progress,
                self.check_stop,
                self.work_dir,
                self.study.plan.source_of,
                self.trials,
            )
            trainer.run(seeds)
        self.store.write_audit(audited(self.study, self.store.audits(), self.top))


def to_audit(study: StudyRecord, n: int) -> list[Finalist]:
    """Choose pruned trials, spread over the accuracies at which they were pruned.

    More of them include the fewer.

    Raises:
        UserError: if nothing was pruned, or there is nothing to compare with.
    """
    name = study.plan.study
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    if not pruned:
        raise UserError(f"study {name} has pruned no trial, so there is nothing to audit.")
    if not study.candidates:
        raise UserError(f"study {name} has no finished trial to hold pruned ones against.")
    pruned.sort(key=lambda trial: (-seen(trial), trial.number))
    places = [place for place, _ in zip(_spread(len(pruned)), range(n), strict=False)]
    return [_finalist(study, pruned[place]) for place in places]


def audited(study: StudyRecord, audits: tuple[RerunRecord, ...], top: int) -> PruningAuditRecord:
    """Hold what was trained to its end against the best `top` of the search, or all it has."""
    best = study.candidates[:top]
    least = best[-1].score
    assert least is not None
    trials = {trial.number: trial for trial in study.trials if trial.state == "pruned"}
    own = [one for one in audits if one.has_ended and one.of in trials]
    tried = {
        int(one.of): one.score.val_accuracy
        for one in own
        if one.score is not None and isfinite(one.score.val_accuracy)
    }
    n_entered = sum(accuracy > least.val_accuracy for accuracy in tried.values())
    low, high = wilson(n_entered / len(tried), len(tried)) if tried else (0.0, 1.0)
    return PruningAuditRecord(
        top=len(best),
        least=least.val_accuracy,
        n_pruned=len(trials),
        tried=dict(sorted(tried.items(), key=lambda item: -item[1])),
        n_failed=len(own) - len(tried),
        n_other=sum(one.of in tried and not _is_the_same(trials[int(one.of)], one) for one in own),
        low=low,
        high=high,
    )


def _spread(n: int) -> Iterator[int]:
    """Yield each of n places once, the next far from those before: van der Corput's sequence."""
    known: set[int] = set()
    index = 0
    while len(known) < n:
        index += 1
        share, digit, rest = 0.0, 0.5, index
        while rest:
            share += digit * (rest % 2)
            digit, rest = digit / 2, rest // 2
        place = int(share * n)
        if place not in known:
            known.add(place)
            yield place


def _finalist(study: StudyRecord, trial: TrialRecord) -> Finalist:
    return Finalist(
        role="pruned",
        of=trial.number,
        name=f"pruned trial {trial.number}{study.family_of(trial)}",
        family=trial.family,
        params=trial.params,
        seconds=_seconds(trial),
        run_id=trial.run_id,
        own_seed=trial.seed,
    )


def _seconds(trial: TrialRecord) -> float | None:
    """Expect what all of its epochs take, by those that it had."""
    epochs = int(trial.params["train.epochs"])
    if trial.epochs:
        return epochs * median(epoch.seconds for epoch in trial.epochs)
    return None if trial.rung is None else epochs * trial.rung.seconds / trial.rung.share


def _is_the_same(trial: TrialRecord, audit: RerunRecord) -> bool:
    """Return whether a training had the numbers again that its trial had until it was pruned."""
    known = [epoch.val_accuracy for epoch in trial.epochs]
    return known == [epoch.val_accuracy for epoch in audit.epochs[: len(known)]]
