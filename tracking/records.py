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
        val_loss: None where no validation part was held out, as val_accuracy.
        seconds: training and validation.
        memory_mb: peak resident memory of the trial's process so far.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float
    memory_mb: float

    @property
    def gap(self) -> float | None:
        """Train minus validation accuracy: what was learnt by heart."""
        return None if self.val_accuracy is None else self.train_accuracy - self.val_accuracy


@dataclass(frozen=True)
class ScoreRecord:
    """A finished trial's numbers, all at the one epoch whose weights were kept.

    Attributes:
        best_epoch: counted from 1; 0 for a control, which has no epochs.
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
class LookRecord:
    """One look at the test set: a reference that was trained as published.

    Attributes:
        low: lower end of the accuracy's 95 % Wilson interval.
        high: upper end.
        official: whether train and test are those of the Large Movie Review Dataset.
        looked_at: when, in UTC, ISO 8601.
    """

    accuracy: float
    low: float
    high: float
    loss: float
    n_train: int
    n_test: int
    official: bool
    looked_at: str


@dataclass(frozen=True)
class ControlRecord:
    """A classifier without a neural network, beside the candidates."""

    name: str
    seconds: float
    score: ScoreRecord


@dataclass(frozen=True)
class ReferenceRecord:
    """A published configuration.

    Attributes:
        published: test accuracy, or None where none was published.
        trained_as: the reference whose trial stands for this one; mostly itself.
    """

    name: str
    published: float | None
    source: str
    note: str
    trained_as: str


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
        references: the published configurations that it tries.
        sampler: how values are proposed; empty where nothing is searched.
        pruner: how poor trials are ended; empty where nothing is searched.
    """

    study: str
    plan: str
    question: str
    families: tuple[str, ...]
    space: Mapping[str, str]
    references: tuple[ReferenceRecord, ...]
    seed: int
    max_epochs: int
    baselines: tuple[BaselineRecord, ...]
    data: DataRecord
    sampler: str = ""
    pruner: str = ""


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        origin: "defaults" (of one of several families: "defaults-cnn"), the name of a reference,
            or the sampler's name.
        void: an attempt that was cut short (stopped, killed, a bug); it counts for nothing and
            is made again under another number.
        reason: why it was pruned or failed; empty otherwise.
        run_id: of its MLflow run.
        model: whether its model file is kept.
        look: at the test set, of a reproduction; None in every search.
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
    look: LookRecord | None = None


@dataclass(frozen=True)
class StudyRecord:
    """A study as far as it has come; trials in the order of their numbers."""

    plan: PlanRecord
    trials: tuple[TrialRecord, ...]
    controls: tuple[ControlRecord, ...] = ()

    @property
    def candidates(self) -> list[TrialRecord]:
        """Finished trials that could be exported, the best first; the earlier of equals."""
        finished = [t for t in self.trials if t.state == "complete" and t.score and not t.void]
        return sorted(finished, key=lambda t: (-_accuracy(t), t.number))

    @property
    def reproduces(self) -> bool:
        """Whether it trained published configurations as published, and searched nothing."""
        return not self.plan.space

    @property
    def looks(self) -> list[TrialRecord]:
        """Trials that were scored on the test set, each of them once."""
        return [trial for trial in self.trials if trial.look is not None]

    def family_of(self, trial: TrialRecord) -> str:
        """Give a trial's family to stand behind its number; nothing where there is only one."""
        return f" {trial.family}" if len(self.plan.families) > 1 else ""

    def count(self, state: State) -> int:
        """Trials in this state, attempts that were cut short aside."""
        return sum(t.state == state and not t.void for t in self.trials)


def _accuracy(trial: TrialRecord) -> float:
    assert trial.score is not None
    return trial.score.val_accuracy
