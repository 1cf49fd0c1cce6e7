"""A model or a control on the test part. Pool processes run this; nothing else reads test."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.cache import Dataset
from search.training import metrics
from spaces.ranges import Params, take
from tracking.records import LookRecord


def look_record(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    n_train: int,
    official: bool,
) -> LookRecord:
    """Write down what was seen of the test set.

    Args:
        probabilities: of its texts, shape (n_texts, n_classes).
        labels: shape (n_texts,).
    """
    accuracy = metrics.accuracy(probabilities, labels)
    low, high = metrics.wilson(accuracy, len(labels))
    return LookRecord(
        accuracy=accuracy,
        low=low,
        high=high,
        loss=metrics.log_loss(probabilities, labels),
        n_train=n_train,
        n_test=len(labels),
        official=official,
        looked_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def look_with_model(file: Path, params: Params, data: Dataset, predictions: Path) -> LookRecord:
    """Score a trained model on the test part.

    Args:
        file: the model, raw text in. The texts come as ids, as in training: its part behind the
            text preparation is used.
        predictions: a file that receives the probabilities.
    """
    from search.models import keras_loading
    from search.training.fit import predict
    from search.training.trial import encoded

    text: dict[str, Any] = take(params, "text")
    model = keras_loading.load(file).layers[-1]
    model.compile(jit_compile=False)  # XLA would compile anew for every length of a batch
    return _look(predict(model, encoded(data, "test", **text)), data, predictions)


def look_with_control(name: str, data: Dataset, predictions: Path) -> LookRecord:
    """Fit a control on the training part, as in the search, and score it on the test part."""
    from search.training.baselines import CONTROLS

    return _look(CONTROLS[name](data, "test")[0], data, predictions)


def _look(probabilities: NDArray[np.floating], data: Dataset, predictions: Path) -> LookRecord:
    np.save(predictions, probabilities)
    labels = data.labels("test")
    n_train = data.n_texts["train"]
    return look_record(probabilities, labels, n_train=n_train, official=data.official)
