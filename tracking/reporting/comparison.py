"""What a study's results are held against: published accuracies, and simple baselines."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean, stdev

from tracking.commandline.formatting import percent
from tracking.records import ReferenceRecord, StudyRecord, TrialRecord

HEAD = ("configuration", "published", "ours", "difference", "95 % interval", "s/epoch", "remark")


@dataclass(frozen=True)
class Comparison:
    """A published configuration and our trainings of it; test accuracies between 0 and 1.

    Attributes:
        ours: of each seed, in the order they were trained; empty where none was yet.
        low: lower end of the 95 % Wilson interval of our accuracy; of several seeds, their mean.
        high: upper end, likewise.
        official: whether ours was trained and tested on the official split.
    """

    reference: ReferenceRecord
    ours: tuple[float, ...]
    low: float
    high: float
    seconds_per_epoch: float
    official: bool

    @property
    def accuracy(self) -> float:
        """Our accuracy, the mean over the seeds."""
        return mean(self.ours)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds; one seed has none."""
        return stdev(self.ours) if len(self.ours) > 1 else None

    @property
    def difference(self) -> float | None:
        """Ours minus published; None where the two are not of the same test set."""
        published = self.reference.published
        if published is None or not self.ours or not self.official:
            return None
        return self.accuracy - published

    @property
    def remark(self) -> str:
        """What a reader must know, in a few words."""
        parts = [self.reference.note]
        if self.reference.trained_as != self.reference.name:
            parts.append(f"the same training as {self.reference.trained_as}")
        return "; ".join(part for part in parts if part)

    def cells(self) -> tuple[str, ...]:
        """Say it in a row under HEAD."""
        published = self.reference.published
        said = "none" if published is None else percent(published)
        if not self.ours:
            return self.reference.name, said, "not yet", "", "", "", self.remark
        spread = "" if self.deviation is None else f" ± {100 * self.deviation:.2f}"
        return (
            self.reference.name,
            said,
            f"{percent(self.accuracy)}{spread}",
            "" if self.difference is None else f"{100 * self.difference:+.2f}",
            f"{100 * self.low:.2f} to {100 * self.high:.2f}",
            f"{self.seconds_per_epoch:.0f}",
            self.remark,
        )


def compare(study: StudyRecord) -> list[Comparison]:
    """Hold each reference of a study against the trials that looked at the test set."""
    return [_compare(reference, study.evaluations) for reference in study.plan.references]


def against_simple_baselines(study: StudyRecord) -> str:
    """Say what the best candidate adds to counting words, and to guessing."""
    if not (study.simple_baselines and study.candidates):
        return ""
    best = study.candidates[0].score
    assert best is not None
    parts = [
        f"{100 * (best.val_accuracy - simple_baseline.score.val_accuracy):+.2f} points against "
        f"{simple_baseline.name} ({percent(simple_baseline.score.val_accuracy)})"
        for simple_baseline in sorted(study.simple_baselines, key=lambda c: -c.score.val_accuracy)
    ]
    return f"Beside the simple baselines, which have no neural network: {', '.join(parts)}."


def evaluations_as_text(study: StudyRecord) -> str:
    """Say how often the test set was used, and what for."""
    n = len(study.evaluations)
    return (
        f"{n} {'test evaluation' if n == 1 else 'test evaluations'}, one for each training of a "
        "published configuration; none of them chose anything."
    )


def _compare(reference: ReferenceRecord, trials: list[TrialRecord]) -> Comparison:
    # One that was interrupted after its look is continued, and looks again: it has no result yet.
    own = [t for t in trials if t.proposed_by == reference.trained_as and t.has_ended]
    evaluations = [trial.evaluation for trial in own if trial.evaluation is not None]
    seconds = [epoch.seconds for trial in own for epoch in trial.epochs]
    return Comparison(
        reference=reference,
        ours=tuple(evaluation.accuracy for evaluation in evaluations),
        low=mean(evaluation.low for evaluation in evaluations) if evaluations else 0.0,
        high=mean(evaluation.high for evaluation in evaluations) if evaluations else 0.0,
        seconds_per_epoch=mean(seconds) if seconds else 0.0,
        official=all(evaluation.official for evaluation in evaluations),
    )
