"""What came after the search: finalists trained again on fresh seeds, and the test evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tracking.records.plan import Value
from tracking.records.trial import EpochRecord, EvaluationRecord, ScoreRecord, State

# "pruned" is a trial that a pruner had ended, trained to its end: no finalist, and not ranked.
Role = Literal["finalist", "reference", "simple baseline", "pruned"]


@dataclass(frozen=True)
class RerunRecord:
    """One more training of what was tried before. It is no new candidate.

    It is on a fresh seed, but for a pruned trial, which is trained to its end on its own.

    Attributes:
        of: what is trained again: a trial's number, the name of a reference that has no trial, or
            the name of a simple baseline.
        index: counts the seeds of one finalist, from 0.
        reason: why it failed or was interrupted; empty otherwise.
        model: whether its model file is kept.
    """

    role: Role
    of: int | str
    index: int
    seed: int
    state: State
    reason: str
    seconds: float
    epochs: tuple[EpochRecord, ...]
    score: ScoreRecord | None
    run_id: str
    model: bool = False
    params: Mapping[str, Value] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether it is done with, and not to be continued."""
        return self.state not in ("running", "interrupted")


@dataclass(frozen=True)
class DifferenceRecord:
    """Two finalists on the same texts.

    Attributes:
        part: "validation" before the test evaluation, "test" in it.
        difference: mean accuracy of the first over its seeds, minus that of the second.
        low: lower end of its 95 % paired bootstrap interval, over texts (by movie) and seeds.
        high: upper end.
        p_value: of McNemar's exact test between one model of each.
        p_holm: the same, corrected by Holm for all pairs that were compared.
    """

    first: int | str
    second: int | str
    part: Literal["validation", "test"]
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class PruningAuditRecord:
    """Whether pruning was right, by the pruned trials that were trained to their end on demand.

    Attributes:
        top: among how many of the best a trial counts as wrongly pruned.
        least: validation accuracy of the last of those.
        n_pruned: trials of the study that were pruned.
        tried: validation accuracy at its end of each that was trained there, by number.
        n_failed: of those that were to be, how many could not be trained.
        n_other: of those that were, how many had other numbers up to their pruning than before.
        low: lower end of the 95 % Wilson interval of the share that would be among the best.
        high: upper end.
    """

    top: int
    least: float
    n_pruned: int
    tried: Mapping[int, float]
    n_failed: int
    n_other: int
    low: float
    high: float

    @property
    def entered(self) -> list[int]:
        """The numbers of those that would be among the best."""
        return [number for number, accuracy in self.tried.items() if accuracy > self.least]


@dataclass(frozen=True)
class ExpectedRecord:
    """The best validation accuracy to be expected of so many random trials.

    Attributes:
        seconds: that so many trials take, at the mean of those that were drawn at random.
    """

    n_trials: int
    seconds: float
    val_accuracy: float


@dataclass(frozen=True)
class RankingRecord:
    """What the final evaluation of a study found on validation, beyond its reruns.

    Attributes:
        rule: how finalists are chosen and ranked, in words.
        ranking: what was trained again (RepeatRecord.of), the best first.
        optimism: points (between 0 and 1) by which the best of the search is expected to look
            better than it is, had all its finished trials been equally good.
        correlation: of the finalists' hits on the same texts, which the optimism takes in.
        expected: from trials drawn at random alone; empty where the study has none.
    """

    top: int
    n_seeds: int
    rule: str
    ranking: tuple[int | str, ...]
    optimism: float | None
    correlation: float
    differences: tuple[DifferenceRecord, ...]
    expected: tuple[ExpectedRecord, ...]


@dataclass(frozen=True)
class SealItemRecord:
    """One of those that a test evaluation is going to score.

    Attributes:
        models: SHA-256 of the model file of each seed, by run; empty for a simple baseline.
        chosen: the run whose model stands for all; its seed was the best on validation.
    """

    role: Role
    of: int | str
    models: Mapping[str, str]
    chosen: str


@dataclass(frozen=True)
class SealRecord:
    """A test evaluation, written down before it is taken: from here on it counts.

    Attributes:
        n: counts the test evaluations of this study, from 1.
        who: the user and the machine.
        sealed_at: when, in UTC, ISO 8601.
        commit: of our code; empty outside a checkout.
    """

    n: int
    who: str
    sealed_at: str
    commit: str
    items: tuple[SealItemRecord, ...]
    run_id: str


@dataclass(frozen=True)
class SealedEvaluationRecord:
    """A test evaluation, after the search: of the winner, its reference, a simple baseline.

    Attributes:
        of: what was looked at, as in RepeatRecord.
        result: of the one model that was the best of its seeds on validation.
        cluster_low: lower end of the 95 % bootstrap interval by movie; None where the texts have
            no groups.
        cluster_high: upper end.
        who: the user and the machine.
        commit: of our code; empty outside a checkout.
        model_sha256: of the model file that was scored; empty for a simple baseline.
        n: counts the test evaluations of this study, from 1; all that one scores share a number.
        by_seed: test accuracy of the model of each seed, the one above among them.
        calibration_error: expected calibration error of the model, between 0 and 1.
        n_seen: texts of test that also stand in the training or validation part.
        accuracy_unseen: of the model, without those.
        differences: against the others of the same test evaluation.
    """

    role: Role
    of: int | str
    result: EvaluationRecord
    cluster_low: float | None
    cluster_high: float | None
    who: str
    commit: str
    model_sha256: str
    n: int
    by_seed: tuple[float, ...] = ()
    calibration_error: float | None = None
    n_seen: int = 0
    accuracy_unseen: float | None = None
    differences: tuple[DifferenceRecord, ...] = ()

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Test accuracy of each seed; of a simple baseline there is one."""
        return self.by_seed or (self.result.accuracy,)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval to quote: by movie where that is known, else Wilson's."""
        if self.cluster_low is None or self.cluster_high is None:
            return self.result.low, self.result.high
        return self.cluster_low, self.cluster_high
