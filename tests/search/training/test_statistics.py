"""Statistics against statsmodels, SciPy, or a simulation by brute force."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import bootstrap
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from search.training.statistics import (
    calibration_error,
    cluster_bootstrap,
    expected_best,
    expected_maximum,
    holm,
    mcnemar,
    optimism,
    paired_bootstrap,
    wilson,
)

RANDOM = np.random.default_rng(20)


def draw(share: float, *shape: int) -> NDArray[np.bool_]:
    return RANDOM.random(shape) < share


@given(st.integers(1, 30_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(counts: tuple[int, int]) -> None:
    k, n = counts
    assert wilson(k / n, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


def test_a_bootstrap_of_single_texts_is_that_of_scipy() -> None:
    hits = draw(0.8, 400)
    theirs = bootstrap(
        (hits,), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert cluster_bootstrap(hits, None) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_a_bootstrap_by_movie_covers_the_truth_where_that_of_texts_does_not() -> None:
    """Movies of their own accuracy, 30 reviews each: 150 data sets of a known mean, 0.8."""
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 30)
    covered = {"movies": 0, "texts": 0}
    for _ in range(150):
        of_movie = generator.choice([0.6, 1.0], 40)
        hits = generator.random(len(groups)) < of_movie[groups]
        intervals = {
            "movies": cluster_bootstrap(hits, groups, draws=300),
            "texts": wilson(hits.mean(), len(hits)),
        }
        for name, (low, high) in intervals.items():
            covered[name] += low <= 0.8 <= high
    assert 0.88 <= covered["movies"] / 150 <= 0.99
    assert covered["texts"] / 150 < 0.75


def test_a_paired_interval_is_as_wide_as_new_texts_and_seeds_scatter_or_a_little_wider() -> None:
    """Brute force: draw new texts and new seeds of the same kind, 1,500 times."""
    generator = np.random.default_rng(4)

    def sample() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        hard = generator.random(300)  # a text is as hard for one as for the other
        skill = 0.75 + generator.normal(0, 0.03, (5, 1)), 0.72 + generator.normal(0, 0.03, (5, 1))
        first, second = (hard + generator.normal(0, 0.2, (5, 300)) < s for s in skill)
        return first, second

    truth = [first.mean() - second.mean() for first, second in (sample() for _ in range(1_500))]
    widths = []
    for _ in range(20):
        low, high = paired_bootstrap(*sample(), None, draws=500)
        widths.append(high - low)
    assert 1.0 <= np.mean(widths) / (2 * 1.96 * np.std(truth)) <= 1.3


def test_the_paired_interval_of_equals_holds_zero_and_that_of_unequals_does_not() -> None:
    hits, groups = draw(0.8, 3, 600), RANDOM.integers(0, 60, 600)
    low, high = paired_bootstrap(hits, hits, groups)
    assert low < 0 < high or low == high == 0
    low, high = paired_bootstrap(hits | draw(0.5, 3, 600), hits, groups)
    assert low > 0


@pytest.mark.parametrize("share", [0.7, 0.75, 0.85])
def test_mcnemar_is_that_of_statsmodels(share: float) -> None:
    first, second = draw(0.8, 500), draw(share, 500)
    table = [[np.sum(first & second), np.sum(first & ~second)]]
    table += [[np.sum(~first & second), np.sum(~first & ~second)]]
    theirs = statsmodels_mcnemar(table, exact=True).pvalue
    assert mcnemar(first, second) == pytest.approx(theirs, rel=1e-9)


def test_models_that_are_wrong_on_the_same_texts_do_not_differ() -> None:
    hits = draw(0.8, 50)
    assert mcnemar(hits, hits) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    with patch("gc.collect"):  # which it calls each time: a second where TensorFlow is loaded
        theirs = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(theirs)


def test_nothing_to_correct_stays_nothing() -> None:
    assert holm([]) == []


def test_the_expected_best_is_the_mean_over_all_sets_of_trials() -> None:
    values = RANDOM.random(8).tolist()
    for n in range(1, 9):
        every = [max(chosen) for chosen in itertools.combinations(values, n)]
        assert expected_best(values, n) == pytest.approx(np.mean(every), abs=1e-12)


def test_the_expected_best_is_unbiased_where_drawing_with_replacement_is_not() -> None:
    """Of uniform numbers the largest of 5 is 5/6 on the average."""
    generator = np.random.default_rng(5)
    ours = [expected_best(generator.random(6), 5) for _ in range(4_000)]
    assert np.mean(ours) == pytest.approx(5 / 6, abs=0.006)


def test_nobody_can_expect_the_best_of_more_trials_than_there_are() -> None:
    with pytest.raises(ValueError, match="from 1 to 2, the number of values, but got 3"):
        expected_best([0.5, 0.6], 3)


def test_two_hundred_trials_are_not_too_many_for_their_binomial_coefficients() -> None:
    assert expected_best(np.arange(200.0), 200) == 199


@pytest.mark.parametrize("n", [1, 2, 20, 100])
def test_the_expected_maximum_is_that_of_a_simulation(n: int) -> None:
    largest = RANDOM.standard_normal((40_000, n)).max(axis=1)
    assert expected_maximum(n) == pytest.approx(largest.mean(), abs=0.02)


def test_the_optimism_is_that_of_a_simulation_of_correlated_trials() -> None:
    n, accuracy, n_texts, correlation = 20, 0.9, 400, 0.4
    generator = np.random.default_rng(6)
    deviation = np.sqrt(accuracy * (1 - accuracy) / n_texts)
    shared = generator.standard_normal((40_000, 1)) * np.sqrt(correlation)
    own = generator.standard_normal((40_000, n)) * np.sqrt(1 - correlation)
    expected = (deviation * (shared + own)).max(axis=1).mean()
    assert optimism(n, accuracy, n_texts, correlation) == pytest.approx(expected, rel=0.03)


def test_the_best_of_fifty_on_five_thousand_texts_looks_a_point_better_than_it_is() -> None:
    assert optimism(50, 0.8889, 5_000) == pytest.approx(0.01, abs=0.0005)


def test_the_calibration_error_is_the_sum_over_its_bins() -> None:
    probabilities = RANDOM.dirichlet([1, 1, 1], 500)
    labels = RANDOM.integers(0, 3, 500)
    confidence, hits = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(hits[inside].mean() - confidence[inside].mean())
    assert calibration_error(probabilities, labels) == pytest.approx(expected, abs=1e-12)


def test_one_who_is_always_sure_and_always_right_is_calibrated() -> None:
    assert calibration_error(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) == 0.0
