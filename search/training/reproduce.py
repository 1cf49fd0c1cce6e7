"""A published configuration, trained as published and scored on the test set, once.

No validation part is held out and nothing stops early: the weights are those of the last epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from search.datasets import split
from search.datasets.batches import Labelled, join
from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.training.checkpoint import open_checkpoint
from search.training.fit import predict, train
from search.training.refit import both_parts
from search.training.test_part import evaluation_record
from search.training.trial import (
    build,
    encoded,
    first_vectors,
    fit_values,
    memory_limited,
    set_seed,
    taught,
)
from spaces.plan import Split
from spaces.ranges import Params
from tracking.records import EpochRecord, EvaluationRecord

_PART = 0.6  # 15,000 of the 25,000 training reviews
_POOLED = 0.67


def reproduce(
    params: Params,
    family: str,
    data: Dataset,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    on_model: Callable[[keras.Model], None] = lambda model: None,
    *,
    by: Split,
    checkpoint: Path | None = None,
) -> EvaluationRecord:
    """Train, then look at the test set.

    Args:
        checkpoint: a file that is written after an epoch, and continued from where it is there.

    Raises:
        TrialFailed: if these values cannot be trained.
    """
    set_seed(seed)
    data = data.open_test("a published configuration, trained as published")
    saved = open_checkpoint(checkpoint, params, family, data, seed, by)
    with memory_limited(params):
        training, test = divide(data, by, **preparation(params))
        vectors = first_vectors(params, data)
        model = build(params, family, len(data.classes), training, vectors)
        on_model(model)
        train(
            model,
            taught(training, params, data),
            None,
            seed=seed,
            on_epoch=on_epoch,
            checkpoint=saved,
            **fit_values(params),
        )
        probabilities = predict(model, test)
    return evaluation_record(
        probabilities,
        test.labels,
        n_train=len(training.labels),
        official=data.official and by != "pooled-67-33",
    )


def divide(data: Dataset, by: Split, **text: Any) -> tuple[Labelled, Labelled]:
    """Return what a reference is trained and tested on."""
    training = both_parts(data, **text)
    test = encoded(data, "test", **text)
    match by:
        case "official":
            return training, test
        case "part-15000":
            mixed = np.random.default_rng(split.SEED).permutation(len(training.labels))
            return training.select(mixed[: round(_PART * len(mixed))]), test
        case "pooled-67-33":
            pooled = join(training, test)
            mixed = np.random.default_rng(split.SEED).permutation(len(pooled.labels))
            border = round(_POOLED * len(mixed))
            return pooled.select(mixed[:border]), pooled.select(mixed[border:])
