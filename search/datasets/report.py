"""Look at a prepared data set: how many texts, how long, how often the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from search.datasets.batches import Ragged
from search.datasets.texts import Parts
from search.datasets.tokenizer import FIRST_WORD
from tracking.records import DataReportRecord, PartReportRecord

_QUANTILES = (0, 0.25, 0.5, 0.75, 0.95, 1)


@dataclass(frozen=True)
class PreparedPart:
    """The arrays of a part.

    Attributes:
        labels: class numbers, shape (n_texts,).
        keys: shape (n_texts,); equal texts have equal ones.
    """

    rows: Ragged
    labels: NDArray[np.int32]
    keys: NDArray[np.uint64]


def report(
    source: Parts, prepared: Mapping[str, PreparedPart], classes: Sequence[str]
) -> DataReportRecord:
    """Count what is there.

    Args:
        source: what the parts were prepared from.
        prepared: by name, the training part among them.
        classes: label names, by number.
    """
    tokens = prepared["train"].rows.tokens
    counts = np.bincount(tokens[tokens >= FIRST_WORD], minlength=1)
    return DataReportRecord(
        parts={name: _part(part, classes) for name, part in prepared.items()},
        n_unlabelled=len(source.unlabelled),
        left_out=dict(source.left_out),
        in_two_parts={
            f"{first}, {second}": n
            for first, second in combinations(prepared, 2)
            if (n := int(np.isin(prepared[second].keys, prepared[first].keys).sum()))
        },
        n_words=int((counts >= 1).sum()),
        n_words_twice=int((counts >= 2).sum()),
        alike=_alike(classes),
    )


def _part(part: PreparedPart, classes: Sequence[str]) -> PartReportRecord:
    n_words = part.rows.lengths - 1  # without the start token
    per_class = np.bincount(part.labels, minlength=len(classes))
    labelled = np.unique(np.stack([part.keys, part.labels.astype(np.uint64)]), axis=1)[0]
    distinct, n_labels = np.unique(labelled, return_counts=True)
    words = tuple(map(int, np.quantile(n_words, _QUANTILES, method="nearest")))
    return PartReportRecord(
        n_texts=len(n_words),
        classes=dict(zip(classes, map(int, per_class), strict=True)),
        words=cast("tuple[int, int, int, int, int, int]", words),
        n_repeated=len(n_words) - len(distinct),
        n_conflicting=int((n_labels > 1).sum()),
        n_wordless=int((n_words == 0).sum()),
    )


def _alike(classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pair labels that a person would take for one."""
    first: dict[str, str] = {}
    pairs = [(first.setdefault(" ".join(one.split()).casefold(), one), one) for one in classes]
    return tuple((one, other) for one, other in pairs if one != other)
