"""Simple baselines: classifiers without a neural network, to tell what a candidate adds to them.

They see the same training texts as the candidates, cut into the same words, and the same
validation texts. Their few settings are fixed: a simple baseline is not tuned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from search.datasets.batches import Ragged
from search.datasets.cache import Dataset
from search.training import metrics
from tracking.records import ScoreRecord


def _majority(data: Dataset, part: str) -> tuple[NDArray[np.float64], float, int]:
    from sklearn.dummy import DummyClassifier

    labels = data.labels("train")
    nothing = np.zeros((len(labels), 1))
    model = DummyClassifier(strategy="prior").fit(nothing, labels)
    n = len(data.labels(part))
    return model.predict_proba(np.zeros((n, 1))), float(model.score(nothing, labels)), 0


def _tfidf_logistic(data: Dataset, part: str) -> tuple[NDArray[np.float64], float, int]:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression(max_iter=1_000))
    n_ids = len(data.vocabulary()) + 4
    counts, held_out = (_counts(data.tokens(name), n_ids) for name in ("train", part))
    labels = data.labels("train")
    model.fit(counts, labels)
    coefficients = model[-1].coef_.size + model[-1].intercept_.size
    return model.predict_proba(held_out), float(model.score(counts, labels)), int(coefficients)


# Each gives the probabilities of a part's texts, shape (n_texts, n_classes), the accuracy on the
# training texts, and the number of fitted numbers.
SIMPLE_BASELINES: dict[str, Callable[[Dataset, str], tuple[NDArray[np.float64], float, int]]] = {
    "majority": _majority,
    "tfidf_logistic": _tfidf_logistic,
}


def evaluate_simple_baseline(
    name: str, data: Dataset, predictions: Path | None = None
) -> ScoreRecord:
    """Fit a simple baseline on the training part and score it on validation.

    Args:
        predictions: a file that receives the probabilities of the validation texts.
    """
    probabilities, train_accuracy, n_parameters = SIMPLE_BASELINES[name](data, "validation")
    if predictions is not None:
        np.save(predictions, probabilities)
    labels = data.labels("validation")
    accuracy = metrics.accuracy(probabilities, labels)
    low, high = metrics.wilson(accuracy, len(labels))
    return ScoreRecord(
        best_epoch=0,
        val_accuracy=accuracy,
        low=low,
        high=high,
        val_loss=metrics.log_loss(probabilities, labels),
        train_accuracy=train_accuracy,
        n_parameters=n_parameters,
        confusion=metrics.confusion(probabilities, labels),
        val_auc=metrics.auc(probabilities, labels),
    )


def _counts(rows: Ragged, n_ids: int) -> csr_matrix:
    """Count each id of the whole vocabulary in each text: shape (n_texts, n_ids)."""
    ones = np.ones(len(rows.tokens), np.float64)
    # A copy: counting sorts in place, and the cache is read-only.
    ids = (np.array(rows.tokens), np.array(rows.offsets))
    counts = csr_matrix((ones, *ids), shape=(len(rows), n_ids))
    counts.sum_duplicates()
    return counts
