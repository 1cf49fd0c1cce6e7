"""A teacher: a model that labels the unlabelled texts. It never sees validation or test labels.

Its accuracy on validation is measured after that, to be recorded.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from search.datasets import UNLABELLED
from search.datasets.batches import Labelled
from search.datasets.tokenizer import preparation
from search.models import keras_loading
from search.training import metrics
from search.training.checkpoint import open_checkpoint
from search.training.fit import predict, train
from search.training.trial import build, encoded, fit_values, memory_limited, set_seed
from search.workers.tasks import TeacherResult, TeacherTask
from tracking.records import EpochRecord

# A teacher is never certain: a label of 0 or 1 is a text's own (search/training/fit.py).
_LEAST = np.float32(1e-6)


def teach(task: TeacherTask, on_epoch: Callable[[EpochRecord], None]) -> TeacherResult:
    """Fit the teacher, unless it is a finished model, and leave its labels in the task's folder.

    Raises:
        TrialFailed: if it cannot be trained.
    """
    set_seed(task.seed)
    with memory_limited(task.params):
        model = _fitted(task, on_epoch) if task.file is None else _finished(task)
        probabilities = predict(model, _texts(task, UNLABELLED))
        np.save(task.predictions, np.clip(probabilities, _LEAST, 1 - _LEAST))
        validation = _texts(task, "validation")
        return TeacherResult(metrics.accuracy(predict(model, validation), validation.labels))


def _fitted(task: TeacherTask, on_epoch: Callable[[EpochRecord], None]) -> keras.Model:
    """Train on the training part, without early stopping: it would look at validation."""
    data, values = task.data, (task.params, task.family)
    training = _texts(task, "train")
    model = build(*values, len(data.classes), training)
    train(
        model,
        training,
        None,
        seed=task.seed,
        on_epoch=on_epoch,
        checkpoint=open_checkpoint(task.checkpoint, *values, data, task.seed, "train, to teach"),
        **fit_values(task.params),
    )
    return model


def _finished(task: TeacherTask) -> keras.Model:
    """Load a finished model; the texts come as ids, so its part behind their preparation."""
    assert task.file is not None
    model = keras_loading.load(task.file, task.source).layers[-1]
    model.compile(jit_compile=False)  # XLA would compile anew for every length of a batch
    return model


def _texts(task: TeacherTask, part: str) -> Labelled:
    return encoded(task.data, part, **preparation(task.params))
