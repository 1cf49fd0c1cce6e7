"""Metrics and statistics, NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]
Labels = NDArray[np.integer]


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of rows whose most probable class is the label.

    Args:
        probabilities: shape (n_rows, n_classes).
        labels: shape (n_rows,), class numbers from 0.
    """
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def log_loss(probabilities: Probabilities, labels: Labels) -> float:
    """Mean negative log probability of the label, in nats; probabilities are cut at 1e-7."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.mean(np.log(np.clip(of_label, 1e-7, 1.0))))


def auc(probabilities: Probabilities, labels: Labels) -> float | None:
    """Area under the ROC curve: how often a text of the class scores above one of another.

    Ties count half (Hanley and McNeil 1982). Of more than two classes it is the mean over the
    classes, each against the rest. None where a class has no row, or all of them.
    """
    n_classes = probabilities.shape[1]
    classes = [1] if n_classes == 2 else range(n_classes)
    n_areas = len(classes)
    areas = [_area(probabilities[:, number], labels == number) for number in classes]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == n_areas else None


def _area(scores: Probabilities, positive: NDArray[np.bool_]) -> float | None:
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1; equals share the mean of theirs
    below = ranks[place][positive].sum() - n_positive * (n_positive + 1) / 2
    return float(below / (n_positive * n_negative))


def confusion(probabilities: Probabilities, labels: Labels) -> tuple[tuple[int, ...], ...]:
    """Count rows by (label, predicted class)."""
    n_classes = probabilities.shape[1]
    flat = np.bincount(labels * n_classes + probabilities.argmax(axis=1), minlength=n_classes**2)
    return tuple(tuple(int(n) for n in row) for row in flat.reshape(n_classes, n_classes))


def wilson(share: float, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Interval of a share of n independent rows, 95 % by default (Wilson 1927).

    >>> low, high = wilson(0.8889, 25_000)
    >>> round(high - low, 4)
    0.0078
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(centre - half), float(centre + half)
