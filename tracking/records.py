"""Records of what happened: frozen, standard library only.

Accuracies are shares between 0 and 1, losses are in nats, durations in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = bool | int | float | str
State = Literal["running", "complete", "pruned", "failed"]


@dataclass(frozen=True)
class EpochRecord:
    """One pass over the training texts.

    Attributes:
        epoch: counted from 1.
        train_accuracy: running mean over the epoch, with dropout, as Keras reports it.
        seconds: training and validation.
        memory_mb: peak resident memory of the trial's process so far.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float
    memory_mb: float

    @property
    def gap(self) -> float:
        """Train minus validation accuracy: what was learnt by heart."""
        return self.train_accuracy - self.val_accuracy


@dataclass(frozen=True)
class ScoreRecord:
    """A finished trial's numbers, all at the one epoch whose weights were kept.

    Attributes:
        val_accuracy: what trials are compared by.
        low: lower end of its 95 % Wilson interval.
        high: upper end.
        confusion: counts by (label, predicted class), on validation.
    """

    best_epoch: int
    val_accuracy: float
    low: float
    high: float
    val_loss: float
    train_accuracy: float
    n_parameters: int
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class DataRecord:
    """The data set of a study.

    Attributes:
        note: where it was found, for the person.
        official: whether its test part is the official one of the Large Movie Review Dataset.
        classes: label names; a label's number is its place here.
        digest: names the labelled texts, 16 hexadecimal digits.
        split_digest: names the validation part, 16 hexadecimal digits.
        n_texts: texts of each part.
    """

    name: str
    note: str
    official: bool
    classes: tuple[str, ...]
    digest: str
    split_digest: str
    n_texts: Mapping[str, int]


@dataclass(frozen=True)
class BaselineRecord:
    """A published test accuracy."""

    name: str
    accuracy: float
    source: str


@dataclass(frozen=True)
class PlanRecord:
    """What a study was asked, in plain values.

    Attributes:
        study: the name of the records; a smoke run or other data have one of their own.
        plan: the name of the study's plan.
        space: range of each searched hyperparameter, in words.
        references: names of the published configurations that it tries.
    """

    study: str
    plan: str
    question: str
    family: str
    space: Mapping[str, str]
    references: tuple[str, ...]
    seed: int
    max_epochs: int
    baselines: tuple[BaselineRecord, ...]
    data: DataRecord


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        origin: "defaults", the name of a reference, or the sampler's name.
        void: an attempt that was cut short (stopped, killed, a bug); it counts for nothing and
            is made again under another number.
        reason: why it was pruned or failed; empty otherwise.
        run_id: of its MLflow run.
        model: whether its model file is kept.
    """

    number: int
    family: str
    origin: str
    params: Mapping[str, Value]
    seed: int
    state: State
    void: bool
    reason: str
    seconds: float
    epochs: tuple[EpochRecord, ...]
    score: ScoreRecord | None
    run_id: str
    model: bool


@dataclass(frozen=True)
class StudyRecord:
    """A study as far as it has come; trials in the order of their numbers."""

    plan: PlanRecord
    trials: tuple[TrialRecord, ...]

    @property
    def candidates(self) -> list[TrialRecord]:
        """Finished trials that could be exported, the best first; the earlier of equals."""
        finished = [t for t in self.trials if t.state == "complete" and t.score and not t.void]
        return sorted(finished, key=lambda t: (-_accuracy(t), t.number))

    def count(self, state: State) -> int:
        """Trials in this state, attempts that were cut short aside."""
        return sum(t.state == state and not t.void for t in self.trials)


def _accuracy(trial: TrialRecord) -> float:
    assert trial.score is not None
    return trial.score.val_accuracy
