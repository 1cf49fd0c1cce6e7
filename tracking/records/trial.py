"""What happened in a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any, Literal

from tracking.records.plan import Value

State = Literal["running", "interrupted", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training texts.

    Attributes:
        epoch: counted from 1.
        train_accuracy: running mean over the epoch, with dropout, as Keras reports it.
        val_loss: None where no validation part was held out, as val_accuracy.
        seconds: training and validation.
        memory_mb: peak resident memory of the trial's process so far.
        first_batch_seconds: until its first batch was through; in the first epoch that is mostly
            tracing the graph. None in records made before it was measured.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float
    memory_mb: float
    first_batch_seconds: float | None = None

    @property
    def gap(self) -> float | None:
        """Train minus validation accuracy: what was learnt by heart."""
        return None if self.val_accuracy is None else self.train_accuracy - self.val_accuracy


@dataclass(frozen=True)
class RungRecord:
    """A look at a trial before its first epoch is over, to end it if it is far behind.

    Attributes:
        share: of the training texts that it has seen, between 0 and 1.
        seconds: of training and of this look.
    """

    share: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class MistakeRecord:
    """A validation text that the model got wrong.

    Attributes:
        text: its first words, as the model's tokeniser cuts them.
        label: the class it has.
        predicted: the class it was given.
        probability: of the predicted class.
    """

    text: str
    label: str
    predicted: str
    probability: float


@dataclass(frozen=True)
class ScoreRecord:
    """A finished trial's numbers, all at the one epoch whose weights were kept.

    A trial that was trained in a loop of a person's own has those that it was told with.

    Attributes:
        best_epoch: counted from 1; 0 for a simple baseline, which has no epochs, and for a trial
            that was trained elsewhere.
        val_accuracy: what trials are compared by.
        low: lower end of its 95 % Wilson interval.
        high: upper end.
        val_loss: None where it was not told, as train_accuracy and n_parameters.
        confusion: counts by (label, predicted class), on validation; empty where it was not told.
        val_auc: area under the ROC curve; None where validation lacks a class.
        mistakes: the most confident ones on validation, the most confident first.
    """

    best_epoch: int
    val_accuracy: float
    low: float
    high: float
    val_loss: float | None
    train_accuracy: float | None
    n_parameters: int | None
    confusion: tuple[tuple[int, ...], ...]
    val_auc: float | None = None
    mistakes: tuple[MistakeRecord, ...] = ()

    @property
    def gap(self) -> float | None:
        """Train minus validation accuracy: what was learnt by heart."""
        return None if self.train_accuracy is None else self.train_accuracy - self.val_accuracy

    @property
    def class_accuracies(self) -> tuple[float | None, ...]:
        """The share of each class's texts that was found; None where validation lacks it."""
        return tuple(
            row[place] / sum(row) if sum(row) else None for place, row in enumerate(self.confusion)
        )

    @property
    def class_f1(self) -> tuple[float, ...]:
        """F1 of each class; 0 of one that neither occurs nor was predicted."""
        given = [sum(column) for column in zip(*self.confusion, strict=True)]
        return tuple(
            2 * row[place] / (sum(row) + given[place]) if sum(row) + given[place] else 0.0
            for place, row in enumerate(self.confusion)
        )

    @property
    def val_macro_f1(self) -> float | None:
        """The mean of the classes' F1, each as heavy as the others; None without counts."""
        return mean(self.class_f1) if self.confusion else None


@dataclass(frozen=True)
class EvaluationRecord:
    """One test evaluation: a reference that was trained as published.

    Attributes:
        low: lower end of the accuracy's 95 % Wilson interval.
        high: upper end.
        official: whether train and test are those of the Large Movie Review Dataset.
        evaluated_at: when, in UTC, ISO 8601.
    """

    accuracy: float
    low: float
    high: float
    loss: float
    n_train: int
    n_test: int
    official: bool
    evaluated_at: str


@dataclass(frozen=True)
class SimpleBaselineRecord:
    """A classifier without a neural network, beside the candidates."""

    name: str
    seconds: float
    score: ScoreRecord


@dataclass(frozen=True)
class CommandRecord:
    """What was typed to run a trial, and which code ran.

    Attributes:
        command: empty in records made before it was kept.
        commit: empty outside a git checkout.
        changed: whether tracked files had uncommitted changes.
    """

    command: str
    commit: str
    changed: bool


@dataclass(frozen=True)
class ResumedRecord:
    """When a trial that had ended went on: it was promoted, or a person gave it more epochs.

    Attributes:
        before: the number of the next new trial.
        epochs: how many it had.
    """

    before: int
    epochs: int


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        proposed_by: "defaults" (of one of several families: "defaults-cnn"), the name of a
            reference, or the sampler's name.
        state: an interrupted trial was stopped before its end, and the next start of the study
            continues it; so it does one that is running while no coordinator is.
        reason: why it was pruned, interrupted or failed; empty otherwise.
        seconds: that it was under way, the time between a stop and the next start left out.
        run_id: of its MLflow run.
        model: whether its model file is kept.
        look: at the test set, of a reproduction; None in every search.
        summary: the model's layers, as Keras prints them; empty if it was not built.
        deaths: how often its process died; after the first time it is continued.
        rung: the look at it within its first epoch, where the pruner asked for one.
        sampler_state: what the sampler must remember of it, as JSON has it.
        ended: when, in milliseconds since 1970; None while it has not.
        continued_to: the epochs that it was given when it had finished, which are then those of
            its params; None if it was never continued. Meanwhile it has the score of before.
        resumed: when it last went on after its end; None if it never did.
    """

    number: int
    family: str
    proposed_by: str
    params: Mapping[str, Value]
    seed: int
    state: State
    reason: str
    seconds: float
    epochs: tuple[EpochRecord, ...]
    score: ScoreRecord | None
    run_id: str
    model: bool
    evaluation: EvaluationRecord | None = None
    summary: str = ""
    deaths: int = 0
    rung: RungRecord | None = None
    sampler_state: Mapping[str, Any] = field(default_factory=dict)
    ended: int | None = None
    continued_to: int | None = None
    resumed: ResumedRecord | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is done with, and not to be continued."""
        return self.state not in ("running", "interrupted")

    @property
    def position(self) -> int:
        """Its place in the order in which trials began or went on after their end."""
        return self.number if self.resumed is None else self.resumed.before

    @property
    def trained_seconds(self) -> float:
        """What its recorded epochs took."""
        return sum(epoch.seconds for epoch in self.epochs)

    @property
    def trace_seconds(self) -> float | None:
        """Until the first batch was through."""
        return self.epochs[0].first_batch_seconds if self.epochs else None

    @property
    def seconds_per_epoch(self) -> float | None:
        """The median of its epochs."""
        return median(epoch.seconds for epoch in self.epochs) if self.epochs else None

    @property
    def memory_mb(self) -> float | None:
        """Peak resident memory of its process, when its last epoch ended."""
        return self.epochs[-1].memory_mb if self.epochs else None


@dataclass(frozen=True)
class UnreadableRecord:
    """A run that is left out because its record is damaged.

    Attributes:
        name: of the run, as MLflow shows it.
        number: of the trial, where it is one and its number can be read.
    """

    run_id: str
    name: str
    number: int | None
    reason: str

    @property
    def sentence(self) -> str:
        return (
            f"run {self.name} ({self.run_id}) cannot be read: {self.reason}. Mend it in the "
            "MLflow UI or from a backup; until then it is left out"
        )
