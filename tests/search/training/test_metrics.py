"""Metrics against scikit-learn and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics

from search.training.metrics import accuracy, auc, confusion, log_loss, wilson


def predictions(
    n_classes: int, n_rows: int = 200
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    generator = np.random.default_rng(n_classes)
    probabilities = generator.dirichlet(np.ones(n_classes), n_rows)
    return probabilities, generator.integers(0, n_classes, n_rows).astype(np.int32)


CLASSES = pytest.mark.parametrize("n_classes", [2, 3, 5])


@CLASSES
def test_accuracy_is_that_of_scikit_learn(n_classes: int) -> None:
    probabilities, labels = predictions(n_classes)
    assert accuracy(probabilities, labels) == pytest.approx(
        metrics.accuracy_score(labels, probabilities.argmax(axis=1)), abs=1e-15
    )


@CLASSES
def test_log_loss_is_that_of_scikit_learn(n_classes: int) -> None:
    probabilities, labels = predictions(n_classes)
    expected = metrics.log_loss(labels, probabilities, labels=range(n_classes))
    assert log_loss(probabilities, labels) == pytest.approx(expected, rel=1e-12)


@CLASSES
def test_confusion_is_that_of_scikit_learn(n_classes: int) -> None:
    probabilities, labels = predictions(n_classes)
    expected = metrics.confusion_matrix(
        labels, probabilities.argmax(axis=1), labels=range(n_classes)
    )
    assert confusion(probabilities, labels) == tuple(map(tuple, expected.tolist()))


def test_confusion_counts_by_label_and_then_by_prediction() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    assert confusion(probabilities, np.array([0, 0, 1])) == ((1, 1), (0, 1))


def test_a_class_that_nobody_has_keeps_its_row_and_column() -> None:
    assert confusion(np.array([[0.2, 0.7, 0.1]]), np.array([0])) == (
        (0, 1, 0),
        (0, 0, 0),
        (0, 0, 0),
    )


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    probabilities = np.array([[1.0, 0.0]], dtype=np.float32)
    assert log_loss(probabilities, np.array([1])) == pytest.approx(-math.log(1e-7))
    assert log_loss(probabilities, np.array([0])) == 0.0


@given(st.integers(1, 30_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(counts: tuple[int, int]) -> None:
    k, n = counts
    expected = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(k / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_five_thousand_reviews_leave_about_two_points_of_doubt() -> None:
    low, high = wilson(0.8889, 5_000)
    assert (round(low, 4), round(high, 4)) == (0.8799, 0.8973)


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    for n_classes in (2, 4):
        labels = random.integers(0, n_classes, 300)
        scores = random.integers(1, 9, (300, n_classes)).astype(float)  # with ties
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        given = probabilities[:, 1] if n_classes == 2 else probabilities
        expected = metrics.roc_auc_score(labels, given, multi_class="ovr")
        assert auc(probabilities, labels) == pytest.approx(expected, abs=1e-12)


def test_without_one_of_the_classes_there_is_no_area() -> None:
    probabilities = np.array([[0.2, 0.8], [0.6, 0.4]])
    assert auc(probabilities, np.array([1, 1])) is None
