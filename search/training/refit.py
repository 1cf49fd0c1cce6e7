"""A finished trial's values, trained once more on training and validation part together.

Nothing is held out, so nothing stops early: it takes as many epochs as were best in the trial.
Test data are not read. The vocabulary stays that of the training part, and so do word vectors and
the teacher, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from search.datasets.batches import Labelled, join
from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.training.checkpoint import open_checkpoint
from search.training.fit import train
from search.training.trial import (
    build,
    encoded,
    first_vectors,
    fit_values,
    memory_limited,
    set_seed,
    taught,
)
from spaces.ranges import Params
from tracking.records import EpochRecord


def refit(
    params: Params,
    family: str,
    data: Dataset,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    on_model: Callable[[keras.Model], None] = lambda model: None,
    *,
    epochs: int,
    checkpoint: Path | None = None,
) -> keras.Model:
    """Train on all that may be trained on.

    Args:
        epochs: after which it ends; the schedule of the step size stays that of the trial.
        checkpoint: a file that is written after an epoch, and continued from where it is there.

    Returns:
        a model of ids.

    Raises:
        TrialFailed: if these values cannot be trained.
    """
    set_seed(seed)
    values = {**fit_values(params), "stop_after": epochs}
    saved = open_checkpoint(checkpoint, params, family, data, seed, "train and validation")
    with memory_limited(params):
        training = both_parts(data, **preparation(params))
        vectors = first_vectors(params, data)
        model = build(params, family, len(data.classes), training, vectors)
        on_model(model)
        training = taught(training, params, data)
        train(model, training, None, seed=seed, on_epoch=on_epoch, checkpoint=saved, **values)
    return model


def both_parts(data: Dataset, **text: Any) -> Labelled:
    """Return the training and the validation part as one."""
    return join(*(encoded(data, part, **text) for part in ("train", "validation")))
