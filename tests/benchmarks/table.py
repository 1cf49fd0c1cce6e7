"""The recorded table of the search race: its space, its rows, how they are read.

The space is that of the study `architecture`, made cheap: fewer words, shorter reviews, narrower
layers, and the epochs that are recorded. A row is one configuration with its whole curve.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from search.datasets.batches import pack
from search.datasets.cache import Dataset
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, Value
from spaces.studies import STUDIES
from spaces.training import PLAIN

FILE = Path(__file__).parent / "data" / "architecture-table.csv"
MAX_EPOCHS = 8
FIRST_RUNG = 0.25
_DRAWS = {"cnn_lstm": 10, "gru": 10, "lstm": 10, "bilstm": 9}  # the others train in seconds
HEAD = ("number", "proposed_by", "family", "params", "accuracies", "seconds", "rest", "rung")

_MOST = {
    "text.vocab_size": 20_000,
    "text.maxlen": 200,
    "train.epochs": MAX_EPOCHS,
    "train.batch_size": 64,
    "embedding_dim": 64,
    "units": 64,
    "layers": 2,
    "filters": 64,
    "max_ngrams": 50_000,
    "nbsvm.max_ngrams": 400_000,
}


@dataclass(frozen=True)
class Row:
    """A configuration and what was measured of it.

    Attributes:
        params: what was drawn; the epochs are not, as a row holds all of them.
        accuracies: on validation, after each epoch until early stopping.
        seconds: processor time of each epoch; the first holds building and tracing.
        rest: processor seconds after the last epoch: scoring.
        rung: accuracy on validation after FIRST_RUNG of the training reviews.
        rung_seconds: until then, of the first epoch's.
    """

    number: int
    proposed_by: str
    family: str
    params: dict[str, Value]
    accuracies: tuple[float, ...]
    seconds: tuple[float, ...]
    rest: float
    rung: float
    rung_seconds: float


def plan() -> StudyPlan:
    """The study `architecture`, made cheap enough for one core."""
    whole = STUDIES["architecture"]
    space = {name: _capped(name, range_) for name, range_ in whole.space.items()}
    # The references are n-grams with hundreds of thousands of weights: out of this space.
    return replace(
        whole, space=space, references=(), simple_baselines=(), n_trials=40, timeout=None
    )


def _capped(name: str, range_: Range) -> Range:
    most = _MOST.get(name, _MOST.get(name.rpartition(".")[2]))
    if not isinstance(range_, Int) or most is None:
        return range_
    high = min(range_.high, most)
    return replace(range_, high=high, default=min(range_.default, high))


def configurations(seed: int) -> Iterator[tuple[str, dict[str, Value]]]:
    """Return the defaults of each family, then random draws without end, the families in turn.

    The slow families end after some draws, the others go on.
    """
    cheap = plan()
    # A row stands for each number of epochs up to its own: no step size that knows how many.
    for proposed_by, params in cheap.initial_trials().items():
        yield proposed_by, {**params, **PLAIN}
    generator = np.random.default_rng(seed)
    for number in itertools.count():
        for family in cheap.families:
            if number >= _DRAWS.get(family, number + 1):
                continue
            drawn: dict[str, Value] = {FAMILY: family}
            for name in cheap.searched_for(drawn)[1:]:
                drawn[name] = draw(cheap.space[name], generator)
            yield "random", cheap.complete({**drawn, **PLAIN})


def draw(range_: Range, generator: np.random.Generator) -> Value:
    """Draw a value, each as likely as any other, or by ratio where the range says so."""
    match range_:
        case Float(low=low, high=high, log=True):
            return float(np.exp(generator.uniform(np.log(low), np.log(high))))
        case Float(low=low, high=high):
            return float(generator.uniform(low, high))
        case Int(low=low, high=high, log=True):
            return round(float(np.exp(generator.uniform(np.log(low), np.log(high)))))
        case Int(low=low, high=high):
            return int(generator.integers(low, high, endpoint=True))
        case Choice(options=options):
            return options[int(generator.integers(len(options)))]


def subset(data: Dataset, folder: Path, n_texts: Mapping[str, int], seed: int) -> Dataset:
    """Draw reviews of these parts, and lay them down as a prepared data set."""
    for part, n in n_texts.items():
        rows, labels = data.tokens(part), data.labels(part)
        chosen = np.random.default_rng(seed).permutation(len(labels))[:n]
        few = pack([rows[row] for row in chosen])
        np.save(folder / f"{part}.tokens.npy", few.tokens)
        np.save(folder / f"{part}.offsets.npy", few.offsets)
        np.save(folder / f"{part}.labels.npy", labels[chosen])
    (folder / "vocabulary.txt").symlink_to(data.folder / "vocabulary.txt")
    return replace(data, folder=folder, n_texts=dict(n_texts))


def read(file: Path = FILE) -> list[Row]:
    with file.open(newline="") as lines:
        return [
            Row(
                number=int(line["number"]),
                proposed_by=line["proposed_by"],
                family=line["family"],
                params=json.loads(line["params"]),
                accuracies=tuple(map(float, line["accuracies"].split())),
                seconds=tuple(map(float, line["seconds"].split())),
                rest=float(line["rest"]),
                rung=float(line["rung"].split()[0]),
                rung_seconds=float(line["rung"].split()[1]),
            )
            for line in csv.DictReader(lines)
        ]


def append(row: Row, file: Path = FILE) -> None:
    """Add a row, rounded; the file gets its head with the first."""
    new = not file.exists()
    with file.open("a", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if new:
            writer.writerow(HEAD)
        short = {
            name: float(f"{value:.3g}") if isinstance(value, float) else value
            for name, value in row.params.items()
        }
        writer.writerow(
            [
                row.number,
                row.proposed_by,
                row.family,
                json.dumps(short, separators=(",", ":")),
                " ".join(f"{accuracy:.4f}" for accuracy in row.accuracies),
                " ".join(f"{seconds:.2f}" for seconds in row.seconds),
                f"{row.rest:.2f}",
                f"{row.rung:.4f} {row.rung_seconds:.2f}",
            ]
        )
