"""How far numbers can be trusted: intervals, tests and expectations, NumPy and SciPy only.

The texts of one group (the reviews of one movie) are not independent of each other, and two
trainings on other seeds are not the same; what is here takes both into account where it can. Hits
are arrays of booleans, shape (n_texts,) or (n_seeds, n_texts): whether a label was right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from search.training.metrics import wilson

Hits = NDArray[np.bool_]
Groups = NDArray[np.integer]

__all__ = [
    "calibration_error",
    "cluster_bootstrap",
    "expected_best",
    "expected_maximum",
    "holm",
    "mcnemar",
    "optimism",
    "paired_bootstrap",
    "wilson",
]

_DRAWS = 10_000
_AT_ONCE = 500  # draws in memory at once


def cluster_bootstrap(
    hits: Hits, groups: Groups | None, seed: int = 0, draws: int = _DRAWS
) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy when whole groups are drawn.

    The percentile interval of the bootstrap (Efron and Tibshirani 1993, chapter 13), where groups
    are drawn with replacement and keep all their texts (Davison and Hinkley 1997, section 3.8).

    Args:
        hits: shape (n_texts,).
        groups: number of each text's group; None draws single texts.
    """
    sums, sizes = _by_group(hits[None, :], groups)
    generator = np.random.default_rng(seed)
    means = [
        (weights @ sums[0]) / (weights @ sizes)
        for weights in _weights(len(sizes), draws, generator)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(low), float(high)


def paired_bootstrap(
    first: Hits, second: Hits, groups: Groups | None, seed: int = 0, draws: int = _DRAWS
) -> tuple[float, float]:
    """Return the 95 % interval of a difference of mean accuracies on the same texts.

    Each draw takes the same groups of texts for both (paired, Efron and Tibshirani 1993) and, of
    each side, seeds with replacement: a difference that only one lucky seed makes is not one
    (Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks). To draw rows
    and columns at once gives a width that is right or a little too large (Owen 2007, The
    pigeonhole bootstrap).

    Args:
        first: shape (n_seeds, n_texts); likewise `second`, whose seeds may be more or fewer.
        groups: number of each text's group; None draws single texts.
    """
    sides = [_by_group(hits, groups) for hits in (first, second)]
    sizes = sides[0][1]
    generator = np.random.default_rng(seed)
    differences = []
    for weights in _weights(len(sizes), draws, generator):
        means = []
        for sums, _ in sides:
            n_seeds = len(sums)
            drawn = generator.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), len(weights))
            accuracies = (weights @ sums.T) / (weights @ sizes)[:, None]
            means.append((accuracies * drawn).sum(axis=1) / n_seeds)
        differences.append(means[0] - means[1])
    low, high = np.quantile(np.concatenate(differences), [0.025, 0.975])
    return float(low), float(high)


def _by_group(
    hits: Hits, groups: Groups | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count hits, shape (n_seeds, n_groups), and texts, shape (n_groups,), of each group."""
    n_texts = hits.shape[1]
    if groups is None:
        return hits.astype(np.float64), np.ones(n_texts)
    _, place = np.unique(groups, return_inverse=True)
    sums = [np.bincount(place, weights=row) for row in hits.astype(np.float64)]
    return np.stack(sums).astype(np.float64), np.bincount(place).astype(np.float64)


def _weights(
    n_groups: int, draws: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Draw how often each group is taken: arrays of shape (some draws, n_groups)."""
    for start in range(0, draws, _AT_ONCE):
        taken = generator.integers(0, n_groups, (min(_AT_ONCE, draws - start), n_groups))
        yield np.stack([np.bincount(row, minlength=n_groups) for row in taken]).astype(np.float64)


def mcnemar(first: Hits, second: Hits) -> float:
    """Test whether two models are wrong equally often: the exact p-value, two-sided.

    Of the texts that one of them has right and the other wrong, each side should have half
    (McNemar 1947); the exact form takes the binomial distribution instead of chi-squared.

    Args:
        first: shape (n_texts,); likewise `second`.
    """
    from scipy.stats import binomtest

    only_first = int(np.sum(first & ~second))
    only_second = int(np.sum(second & ~first))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number, step by step from the smallest (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for place, number in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[number]))
        corrected[number] = highest
    return corrected


def expected_best(values: Sequence[float], n: int) -> float:
    """Expect the best of n trials, drawn from these without replacement.

    The unbiased estimator of expected validation performance (Tang et al. 2020, Showing Your Work
    Doesn't Always Work); that of Dodge et al. 2019 draws with replacement and is too low. The
    values must come from independent draws: of trials that a sampler chose by the results of
    earlier ones it means nothing.

    Args:
        n: from 1 to the number of values.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    total = len(ordered)
    if not 1 <= n <= total:
        raise ValueError(f"n must be from 1 to {total}, the number of values, but got {n}.")
    # Of all sets of n, the share whose largest is the i-th value is C(i - 1, n - 1) / C(total, n).
    shares = [math.comb(i - 1, n - 1) / math.comb(total, n) for i in range(1, total + 1)]
    return float(np.dot(shares, ordered))


def expected_maximum(n: int) -> float:
    """Expect the largest of n independent standard normal numbers (Harter 1961).

    >>> round(expected_maximum(50), 3)
    2.249
    """
    from scipy.integrate import quad
    from scipy.stats import norm

    def part(x: float) -> float:
        return float(x * n * norm.pdf(x) * norm.cdf(x) ** (n - 1))

    return float(quad(part, -10, 10, limit=200)[0])


def optimism(n: int, accuracy: float, n_texts: int, correlation: float = 0.0) -> float:
    """Expect how much better than it is the best of n equally good trials looks.

    Each accuracy is off by a normal number of the binomial deviation; the largest of n is above
    zero. What the trials have in common, being wrong on the same texts, moves none of them past
    another: the part that counts is sqrt(1 - correlation) of it (David and Nagaraja 2003, Order
    Statistics, section 5.3: equicorrelated normal variates).

    >>> round(100 * optimism(50, 0.8889, 5_000), 2)
    1.0
    """
    deviation = math.sqrt(accuracy * (1 - accuracy) / n_texts)
    return expected_maximum(n) * deviation * math.sqrt(max(0.0, 1 - correlation))


def calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], n_bins: int = 15
) -> float:
    """Return the mean distance between confidence and accuracy, in bins of equal width.

    The expected calibration error (Naeini et al. 2015) of the predicted class, with the 15 bins of
    Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    off = np.bincount(bins, weights=hits - confidence, minlength=n_bins)
    return float(np.abs(off).sum() / len(labels))
