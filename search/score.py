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
