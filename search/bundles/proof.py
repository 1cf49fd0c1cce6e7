"""What an exported model does on the validation part: equal in each format, how fast, how sure.

The texts are made of the prepared token ids, since the prepared data hold no others; that they get
the same ids again is what the text preparation is for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search.bundles.classifier import Classifier
from search.datasets.tokenizer import FIRST_WORD, PADDING, START
from search.training import metrics
from search.training.statistics import calibration_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from search.datasets.cache import Dataset
    from tracking.records import SourceRecord

LARGEST_DIFFERENCE = 1e-5
BATCHES = (1, 32, 1_024)
_N_BINS = 15
_SECONDS = 2.0  # that each size of batch is measured for, at most
_NO_WORD = "\ue000"


@dataclass(frozen=True)
class CalibrationBin:
    """Texts whose label was given with like confidence.

    Attributes:
        confidence: mean probability of the label that was given.
        accuracy: share of them where it was right.
    """

    n_texts: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Proof:
    """What was measured of a bundle.

    Attributes:
        n_texts: of the validation part; 0 where it was not to be had, and nothing was measured.
        accuracy: on them, of the model in the bundle.
        difference: the largest between the probabilities of two formats.
        bins: of rising confidence, those that have texts.
        per_second: predictions by format and size of batch.
    """

    n_texts: int = 0
    accuracy: float = 0.0
    confusion: tuple[tuple[int, ...], ...] = ()
    difference: float = 0.0
    calibration_error: float = 0.0
    bins: tuple[CalibrationBin, ...] = ()
    per_second: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    @property
    def fastest(self) -> str:
        """The format with the most predictions a second in batches of 32."""
        return max(self.per_second, key=lambda name: self.per_second[name][32])


def prove(
    folder: Path,
    formats: Sequence[str],
    classes: Sequence[str],
    params: Mapping[str, object],
    data: Dataset | None,
    sizes: Sequence[int] = BATCHES,
    source: SourceRecord | None = None,
) -> Proof:
    """Score the validation part with each format in a folder.

    Args:
        sizes: of batches, whose speed is measured.
        source: the Python file that defines the family; None where it is one of ours.

    Raises:
        RuntimeError: if two formats do not agree.
    """
    if data is None:
        return Proof()
    texts, labels = validation_texts(data), data.labels("validation")
    scores, speeds = [], {}
    for name in formats:
        classifier = Classifier(classes, params, name, folder, source)
        scores.append(classifier.probabilities(texts))
        speeds[name] = {size: per_second(classifier, texts, size) for size in sizes}
    difference = float(max(np.abs(other - scores[0]).max() for other in scores))
    if difference > LARGEST_DIFFERENCE:
        raise RuntimeError(f"the formats {', '.join(formats)} differ by {difference:.1e}")
    return Proof(
        n_texts=len(texts),
        accuracy=metrics.accuracy(scores[0], labels),
        confusion=metrics.confusion(scores[0], labels),
        difference=difference,
        calibration_error=calibration_error(scores[0], labels),
        bins=reliability(scores[0], labels),
        per_second=speeds,
    )


def validation_texts(data: Dataset) -> list[str]:
    """Make texts of the validation part's token ids; a word that training lacks stays unknown."""
    rows, vocabulary = data.tokens("validation"), data.vocabulary()

    def word(token: int) -> str:
        return vocabulary[token - FIRST_WORD] if token >= FIRST_WORD else _NO_WORD

    return [
        " ".join(word(token) for token in rows[row].tolist() if token not in (PADDING, START))
        for row in range(len(rows))
    ]


def reliability(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> tuple[CalibrationBin, ...]:
    """Put texts of like confidence into bins of equal width."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    places = np.clip(np.ceil(confidence * _N_BINS).astype(int) - 1, 0, _N_BINS - 1)
    return tuple(
        CalibrationBin(int(own.sum()), float(confidence[own].mean()), float(hits[own].mean()))
        for own in (places == number for number in range(_N_BINS))
        if own.any()
    )


def per_second(classifier: Classifier, texts: Sequence[str], size: int) -> float:
    """Measure predictions a second in batches of a size, for two seconds at most."""
    batches = [texts[at : at + size] for at in range(0, min(len(texts), 20 * size), size)]
    classifier.probabilities(batches[0])  # the first is slower
    done, start = 0, time.perf_counter()
    for batch in batches:
        classifier.probabilities(batch)
        done += len(batch)
        if time.perf_counter() - start > _SECONDS:
            break
    return done / (time.perf_counter() - start)
