"""Score a model or a simple baseline on the test part; nothing else reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.training import metrics
from spaces.ranges import Params
from tracking.records import EvaluationRecord, SourceRecord


def evaluation_record(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    n_train: int,
    official: bool,
) -> EvaluationRecord:
    """Write down what was seen of the test set.

    Args:
        probabilities: of its texts, shape (n_texts, n_classes).
        labels: shape (n_texts,).
    """
    accuracy = metrics.accuracy(probabilities, labels)
    low, high = metrics.wilson(accuracy, len(labels))
    return EvaluationRecord(
        accuracy=accuracy,
        low=low,
        high=high,
        loss=metrics.log_loss(probabilities, labels),
        n_train=n_train,
        n_test=len(labels),
        official=official,
        evaluated_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def evaluate_model_on_test(
    file: Path,
    params: Params,
    data: Dataset,
    predictions: Path,
    source: SourceRecord | None = None,
) -> EvaluationRecord:
    """Score a trained model on the test part.

    Args:
        file: the model, raw text in. The texts come as ids, as in training: its part behind the
            text preparation is used.
        predictions: a file that receives the probabilities.
        source: the Python file that defines its family; None where it is one of ours.
    """
    from search.models import keras_loading
    from search.training.fit import predict
    from search.training.trial import encoded

    model = keras_loading.load(file, source).layers[-1]
    model.compile(jit_compile=False)  # XLA would compile anew for every length of a batch
    test = encoded(data, "test", **preparation(params))
    return _evaluation(predict(model, test), data, predictions)


def evaluate_simple_baseline_on_test(
    name: str, data: Dataset, predictions: Path
) -> EvaluationRecord:
    """Fit a simple baseline on the training part and score it on the test part."""
    from search.training.baselines import SIMPLE_BASELINES

    return _evaluation(SIMPLE_BASELINES[name](data, "test")[0], data, predictions)


def _evaluation(
    probabilities: NDArray[np.floating], data: Dataset, predictions: Path
) -> EvaluationRecord:
    np.save(predictions, probabilities)
    labels = data.labels("test")
    n_train = data.n_texts["train"]
    return evaluation_record(probabilities, labels, n_train=n_train, official=data.official)
