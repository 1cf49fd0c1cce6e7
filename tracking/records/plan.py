"""What a study was asked, and on which data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tracking.records.data_report import DataReportRecord
from tracking.records.source import SourceRecord

Value = bool | int | float | str

MOVIE_REVIEWS = ("imdb", "imdb-train")  # names that no table has: they lack an ending


@dataclass(frozen=True)
class ArrayRecord:
    """What was learned from the texts before any trial: word vectors, or a teacher's labels.

    Attributes:
        file: its name beside the prepared texts.
        digest: of its numbers, 16 hexadecimal digits.
        source: what it came from, for the person.
        facts: what is known of it, by name: shares and accuracies between 0 and 1.
    """

    file: str
    digest: str
    source: str
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What it is, to be read."""
        shares = [f", {name} {100 * value:.2f} %" for name, value in self.facts.items()]
        source = self.source.rpartition("/")[2]  # where a file lies is nobody else's business
        return f"{source}{''.join(shares)}; digest {self.digest}"


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
        columns: how the columns of a table are called, by what they hold; "none" is no column.
            Empty for the reviews.
        encoding: that a table was read with; empty for UTF-8.
        test_share: share of a table's texts that was held out as a test part; 0 for none.
        report: what is in it.
        unlabelled_digest: names the texts without a label, 16 hexadecimal digits, even where there
            are none; empty where it is not on record.
        arrays: what trials read beside the texts, by hyperparameter and value:
            "text.vectors=counted".
    """

    name: str
    note: str
    official: bool
    classes: tuple[str, ...]
    digest: str
    split_digest: str
    n_texts: Mapping[str, int]
    path: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    test_share: float = 0.0
    report: DataReportRecord | None = None

    @property
    def is_movie_reviews(self) -> bool:
        """Whether numbers published on the Large Movie Review Dataset mean something here."""
        return self.name in MOVIE_REVIEWS

    @property
    def example(self) -> str:
        """A text to try a model on."""
        return "A wonderful film." if self.is_movie_reviews else "A text to classify."

    unlabelled_digest: str = ""
    arrays: Mapping[str, ArrayRecord] = field(default_factory=dict)

    def arrays_of(self, params: Mapping[str, Value]) -> dict[str, ArrayRecord]:
        """Return the arrays that a trial with these values reads, by hyperparameter."""
        read = {name: self.arrays.get(f"{name}={value}") for name, value in params.items()}
        return {name: array for name, array in read.items() if array is not None}


@dataclass(frozen=True)
class BaselineRecord:
    """An accuracy that candidates are held against: a published one, mostly.

    Attributes:
        part: on which it was measured; empty where nobody says.
    """

    name: str
    accuracy: float
    source: str
    part: str = "test"

    @property
    def whose(self) -> str:
        """Whom it is of: authors and year of a published one, else its name."""
        return self.source.partition(",")[0] if self.is_published else self.name

    @property
    def is_published(self) -> bool:
        """Whether somebody published it; else the person gave it, or the study measured it."""
        return self.part == "test"


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
class EarlierPlanRecord:
    """The space that a study had before it went on with another.

    Attributes:
        until: the number of the first trial that was not of this space.
        n_trials: that there were by then.
        n_inside: of those, how many lay inside the next space, so that the search learned from
            them.
        file: the plan as a file of TOML.
    """

    until: int
    n_trials: int
    n_inside: int
    families: tuple[str, ...]
    space: Mapping[str, str]
    fixed: Mapping[str, Value]
    file: str = ""


@dataclass(frozen=True)
class PlanRecord:
    """What a study was asked, in plain values.

    Attributes:
        study: the name of the records; a smoke run or other data have one of their own.
        plan: the name of the study's plan.
        space: range of each searched hyperparameter, in words.
        fixed: value of each that is not searched; empty in records made before it was kept.
        sources: the Python files of a person's own that define the study, and families of it.
        file: the plan as the text of a file of TOML, which search.run --study reads.
        references: the published configurations that it tries.
        engine: who proposes values; empty where nothing is searched.
        sampler: how values are proposed; empty where nothing is searched.
        pruner: how poor trials are ended; empty where nothing is searched.
        goals: what the trials are compared by, the names of numbers of their score.
        earlier: the spaces that it had before, the first first.
        enqueued: trials that a person has queued, by what proposes them: the values that were
            asked for; the study's defaults stand for the others.
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
    fixed: Mapping[str, Value] = field(default_factory=dict)
    file: str = ""
    sources: tuple[SourceRecord, ...] = ()
    earlier: tuple[EarlierPlanRecord, ...] = ()
    enqueued: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def family_of(self, params: Mapping[str, Value]) -> str:
        """Return the family of a trial with these values; the first if they do not say."""
        return str(params.get("model.family", self.families[0]))

    def source_of(self, family: str) -> SourceRecord | None:
        """Return the file that defines a family; None for one of ours."""
        return next((source for source in self.sources if family in source.families), None)
