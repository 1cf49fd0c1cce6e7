"""What a trial's process is given to do. Plain values, so that they can be sent to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from search.datasets.cache import Dataset
from spaces.plan import Split
from spaces.ranges import Params
from tracking.records import EpochRecord, EvaluationRecord, RungRecord, ScoreRecord, SourceRecord


@dataclass(frozen=True)
class Refitted:
    """A model was trained on all that may be trained on; there is nothing left to score it on."""

    n_texts: int


@dataclass(frozen=True)
class TeacherResult:
    """A teacher has labelled the unlabelled texts.

    Attributes:
        val_accuracy: its own.
    """

    val_accuracy: float


@dataclass(frozen=True)
class FamilyWorks:
    """A family of a person's own builds, scores texts, and is saved and loaded."""


Result = ScoreRecord | EvaluationRecord | Refitted | TeacherResult | FamilyWorks
STEPS = (RungRecord, EpochRecord)  # after each of these a trial waits for the word to go on
Step = RungRecord | EpochRecord
CHECKPOINT = "checkpoint.npz"  # a file in the folder of a task


@dataclass(frozen=True)
class Task:
    """What one trial trains on, and where it leaves its files.

    Attributes:
        folder: receives model.keras (raw text in), validation.npy (its probabilities there),
            summary.txt (its layers), checkpoint.npz (to continue its training from) and
            output.txt (what the process printed); environment.json (the machine), where that is
            not the coordinator's; and what libraries put among temporary files.
        split: None trains on the training part and scores on validation. Of a reproduction, what
            it is trained on and, once, tested on.
        n_threads: of TensorFlow, where several processes share the cores; None leaves it to it,
            and a family with an LSTM has one all the same.
        first_rung: share of the training texts after which it is looked at within its first epoch;
            None is not.
        source: the Python file that defines the family; None where it is one of ours.
        refit_epochs: trains this many epochs on training and validation part together, instead.
    """

    params: Params
    family: str
    data: Dataset
    seed: int
    folder: Path
    split: Split | None = None
    n_threads: int | None = None
    refit_epochs: int | None = None
    first_rung: float | None = None
    source: SourceRecord | None = None

    @property
    def predictions(self) -> Path:
        return self.folder / "validation.npy"

    @property
    def model(self) -> Path:
        return self.folder / "model.keras"

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    @property
    def summary(self) -> Path:
        return self.folder / "summary.txt"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"

    @property
    def environment(self) -> Path:
        return self.folder / "environment.json"


@dataclass(frozen=True)
class SimpleBaselineTask:
    """A simple baseline to be fitted, and scored on a part of the data.

    Attributes:
        folder: receives PART.npy (its probabilities there), output.txt (what the process printed).
    """

    name: str
    data: Dataset
    folder: Path
    part: Literal["validation", "test"] = "validation"

    @property
    def predictions(self) -> Path:
        return self.folder / f"{self.part}.npy"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


@dataclass(frozen=True)
class EvaluationTask:
    """A trained model to be scored on the test part, which must be open.

    Attributes:
        file: the model, as a Task leaves it.
        params: those that it was trained with.
        source: the Python file that defines its family; None where it is one of ours.
        folder: receives test.npy (its probabilities there), output.txt (what the process printed).
    """

    file: Path
    params: Params
    data: Dataset
    folder: Path
    source: SourceRecord | None = None

    @property
    def predictions(self) -> Path:
        return self.folder / "test.npy"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


@dataclass(frozen=True)
class TeacherTask:
    """A teacher that is to label the unlabelled texts.

    Attributes:
        params: those that it is trained with, or was.
        folder: receives unlabelled.npy (its probabilities there), checkpoint.npz (to continue its
            training from), output.txt (what the process printed).
        file: the model of a finished trial, as a Task leaves it; None fits one on the training
            part alone, which sees no validation text.
        source: the Python file that defines its family; None where it is one of ours.
    """

    params: Params
    family: str
    data: Dataset
    seed: int
    folder: Path
    file: Path | None = None
    source: SourceRecord | None = None

    @property
    def predictions(self) -> Path:
        return self.folder / "unlabelled.npy"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.npz"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


@dataclass(frozen=True)
class CheckTask:
    """A family of a person's own that is to be built once, before the study begins.

    Attributes:
        params: those of a trial that would be its first.
        folder: receives output.txt (what the process printed).
    """

    params: Params
    family: str
    data: Dataset
    folder: Path
    source: SourceRecord

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


AnyTask = Task | SimpleBaselineTask | EvaluationTask | TeacherTask | CheckTask
PoolTask = (
    Task | SimpleBaselineTask | CheckTask
)  # what an executor may be given, here or elsewhere
