"""What a study was asked, and on which data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = bool | int | float | str


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
        path: where a table lies; empty for the reviews.
    """

    name: str
    note: str
    official: bool
    classes: tuple[str, ...]
    digest: str
    split_digest: str
    n_texts: Mapping[str, int]
    path: str = ""


@dataclass(frozen=True)
class BaselineRecord:
    """A published test accuracy."""

    name: str
    accuracy: float
    source: str


@dataclass(frozen=True)
class ReferenceRecord:
    """A published configuration.

    Attributes:
        published: test accuracy, or None where none was published.
        trained_as: the reference whose trial stands for this one; mostly itself.
        family: empty in records made before references had runs of their own, as params.
    """

    name: str
    published: float | None
    source: str
    note: str
    trained_as: str
    family: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanRecord:
    """What a study was asked, in plain values.

    Attributes:
        study: the name of the records; a smoke run or other data have one of their own.
        plan: the name of the study's plan.
        space: range of each searched hyperparameter, in words.
        references: the published configurations that it tries.
        engine: who proposes values; empty where nothing is searched.
        sampler: how values are proposed; empty where nothing is searched.
        pruner: how poor trials are ended; empty where nothing is searched.
        goals: what the trials are compared by, the names of numbers of their score.
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
    engine: str = "optuna"  # the only one of records that do not say
    goals: tuple[str, ...] = ("val_accuracy",)
