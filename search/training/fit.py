"""Compile and fit, with early stopping on validation; each epoch is reported as it ends."""

from __future__ import annotations

import itertools
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from search.datasets.batches import Labelled
from search.training import metrics
from search.training.checkpoint import Checkpoint, TrainingState
from search.training.failures import TrialFailed
from search.training.optimizer import Adam
from tracking.records import EpochRecord, RungRecord

OnEpoch = Callable[[EpochRecord], None]

_SCORING_BATCH = 256
_WARM_UP = 0.05  # share of the steps


def train(
    model: keras.Model,
    training: Labelled,
    validation: Labelled | None,
    *,
    seed: int,
    on_epoch: OnEpoch,
    epochs: int,
    batch_size: int,
    patience: int,
    learning_rate: float | None = None,
    schedule: str = "constant",
    weight_decay: float = 0.0,
    global_clipnorm: float = 0.0,
    ema_momentum: float = 0.0,
    label_smoothing: float = 0.0,
    stop_after: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Checkpoint | None = None,
) -> int:
    """Fit the model and leave it with the weights of its best epoch.

    The best epoch is the first with the highest validation accuracy; without validation it is the
    last. An exception of `on_epoch` ends the training and is passed on.

    Args:
        learning_rate: None where the model comes compiled: it keeps its own optimizer, to which
            the schedule and what follows it do not apply.
        schedule: "constant", or "cosine": up to the learning rate in the first 5 % of the steps of
            all epochs, then down to zero.
        ema_momentum: where it is not 0, the model is judged, and left, with averaged weights.
        stop_after: the epoch after which it ends, as if it were the last; the schedule stays that
            of all epochs.
        checkpoint: where there is one of this training, it is continued, to the last bit; the
            epochs in it are reported again.

    Returns:
        the best epoch, counted from 1.

    Raises:
        TrialFailed: if a loss is no longer a finite number, or there is no optimizer.
    """
    if model.compiled:
        optimizer = model.optimizer
    else:
        if learning_rate is None:
            raise TrialFailed("its model must be compiled with all values, or with none")
        n_steps = epochs * math.ceil(training.n_per_epoch / batch_size)
        optimizer = Adam(
            learning_rate if schedule == "constant" else _cosine(learning_rate, n_steps),
            weight_decay=weight_decay or None,
            global_clipnorm=global_clipnorm or None,
            use_ema=ema_momentum > 0,
            ema_momentum=ema_momentum,
        )
    n_outputs = _compile(model, optimizer, label_smoothing)
    last = stop_after or epochs
    done = TrainingState() if checkpoint is None else checkpoint.restore(model, last)
    for epoch in done.epochs:
        on_epoch(epoch)
    first = len(done.epochs)
    batches = mixed_batches(training, batch_size, seed, first_epoch=first)
    stopping = None if validation is None else _EarlyStopping(patience, done)
    model.fit(
        batches.map(_targets(n_outputs, label_smoothing)),
        validation_data=validation and sorted_batches(validation).map(_targets(n_outputs)),
        initial_epoch=last if done.stopped else first,
        epochs=last,
        callbacks=[
            *callbacks,
            *([] if stopping is None else [stopping]),
            *([_Averaged()] if stopping and optimizer.use_ema else []),
            _Report(on_epoch, checkpoint, stopping, done.epochs),
        ],
        shuffle=False,  # the batches come mixed
        verbose=0,
    )
    return last if stopping is None else int(stopping.best_epoch) + 1


def _cosine(learning_rate: float, n_steps: int) -> keras.optimizers.schedules.CosineDecay:
    """Make a schedule that rises to the learning rate, then falls to zero at the last step."""
    n_rising = round(_WARM_UP * n_steps)
    if not n_rising:
        return keras.optimizers.schedules.CosineDecay(learning_rate, n_steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, n_steps - n_rising, warmup_target=learning_rate, warmup_steps=n_rising
    )


def _compile(model: keras.Model, optimizer: keras.optimizers.Optimizer, smoothing: float) -> int:
    """Compile, and make what optimizer and metrics keep; `fit` would within the first step.

    TensorFlow traces a step twice that makes variables, and a trace costs as much as many steps.

    Returns:
        how many numbers the model gives for a text.
    """
    n_outputs = int(model.output_shape[-1])
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy" if n_outputs == 1 else "categorical_crossentropy",
        metrics=[_Accuracy(max(2, n_outputs), smoothing)],
        jit_compile=False,  # XLA would compile anew for every length of a batch
    )
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, tf.zeros((1, n_outputs)), tf.fill((1, n_outputs), 1 / n_outputs))
    model.reset_metrics()
    return n_outputs


def _targets(n_outputs: int, smoothing: float = 0.0) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Make a function that turns labels into targets, float32 (batch, n_outputs).

    Labels are numbers of classes, (batch,), or probabilities of the classes, (batch, n_classes).

    Args:
        smoothing: share of a text's own label that is spread evenly over all classes; what a
            teacher says is spread already.
    """
    n_classes = max(2, n_outputs)

    def soften(tokens: Any, labels: Any) -> tuple[Any, Any]:
        if labels.shape.rank == 1:
            labels = tf.one_hot(labels, n_classes)
        is_own = tf.reduce_max(labels, axis=1, keepdims=True) == 1
        spread_out = labels * (1 - smoothing) + smoothing / n_classes
        targets = tf.where(is_own, spread_out, labels)
        return tokens, targets[:, 1:] if n_outputs == 1 else targets

    return soften


class _Accuracy(keras.metrics.Mean):  # type: ignore[misc]
    """Accuracy on the texts that have a label of their own; a teacher's is never 0 or 1.

    Args:
        smoothing: of the labels in training; those of validation are as they are.
    """

    def __init__(self, n_classes: int, smoothing: float) -> None:
        super().__init__(name="accuracy")
        self._own = (1.0, 1 - smoothing + smoothing / n_classes)

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:
        targets, outputs = (
            tf.concat([1 - one, one], axis=1) if one.shape[-1] == 1 else one
            for one in (targets, outputs)
        )
        is_right = tf.argmax(targets, axis=1) == tf.argmax(outputs, axis=1)
        largest = tf.reduce_max(targets, axis=1)
        is_own = tf.reduce_any([tf.abs(largest - own) < 1e-6 for own in self._own], axis=0)
        super().update_state(tf.cast(is_right, tf.float32), tf.cast(is_own, tf.float32))


def predict(model: keras.Model, data: Labelled) -> NDArray[np.float32]:
    """Return the probabilities of each row.

    Returns:
        float32 array of shape (n_rows, n_classes), in the order of the rows.
    """
    sorted_probabilities = model.predict(sorted_batches(data), verbose=0)
    probabilities = np.empty_like(sorted_probabilities)
    probabilities[data.order_by_length] = sorted_probabilities
    return spread(probabilities)


def spread(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write the probability of class 1 of two, shape (n, 1), as two, shape (n, 2)."""
    if probabilities.shape[1] > 1:
        return probabilities
    return np.concatenate([1 - probabilities, probabilities], axis=1)


def mixed_batches(
    data: Labelled, batch_size: int, seed: int, *, first_epoch: int = 0
) -> tf.data.Dataset:
    """Return (tokens, labels) in batches, mixed anew each time the dataset is gone through.

    Args:
        first_epoch: the number of the epoch that comes first, from 0.
    """
    numbers = itertools.count(first_epoch)
    n_batches = math.ceil(data.n_per_epoch / batch_size)
    return _dataset(lambda: data.epoch(batch_size, (seed, next(numbers))), n_batches, data)


def sorted_batches(data: Labelled) -> tf.data.Dataset:
    """Return (tokens, labels) in large batches, the shortest rows first."""
    n_batches = math.ceil(len(data.rows) / _SCORING_BATCH)
    return _dataset(lambda: data.by_length(_SCORING_BATCH), n_batches, data)


def _dataset(
    batches: Callable[[], Iterator[Any]], n_batches: int, data: Labelled
) -> tf.data.Dataset:
    """Wrap a generator; Keras' PyDataset would take the first lengths that it sees for a law."""
    labels = tf.TensorSpec((None, *data.labels.shape[1:]), data.labels.dtype)
    signature = (tf.TensorSpec((None, None), tf.int32), labels)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)
    # Autotuning sleeps 10 ms, then twice that, and so on, and the end of an epoch waits until it
    # wakes: an epoch of 42 s took 82 s. There is nothing here for it to tune.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class FirstRung(keras.callbacks.Callback):  # type: ignore[misc]
    """Look at the model within its first epoch; training goes on as if nobody had looked.

    Args:
        share: of the training texts, after which it is looked at.
    """

    def __init__(
        self, share: float, validation: Labelled, on_rung: Callable[[RungRecord], None]
    ) -> None:
        super().__init__()
        self._share = share
        self._validation = validation
        self._on_rung = on_rung
        self._start = 0.0
        self._batch: int | None = None  # after which to look; None from then on

    def on_train_begin(self, logs: Any = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # A training that is continued was looked at when it was in its first epoch.
        self._batch = math.ceil(self._share * self.params["steps"]) - 1 if epoch == 0 else None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch != self._batch:
            return
        self._batch = None
        # Keras' recurrent layers draw masks of dropout while predicting, too: of the seeds that
        # training goes on with. And Keras' own evaluate would begin its accuracy anew.
        state = [(variable, variable.numpy()) for variable in self.model.variables]
        average(self.model)
        probabilities = predict(self.model, self._validation)
        for variable, value in state:
            variable.assign(value)
        accuracy = metrics.accuracy(probabilities, self._validation.labels)
        self._on_rung(RungRecord(self._share, accuracy, time.perf_counter() - self._start))


def average(model: keras.Model) -> None:
    """Put the averages of its weights into a model, where its optimizer keeps some."""
    model.optimizer.finalize_variable_values(model.trainable_variables)


class _Averaged(keras.callbacks.Callback):  # type: ignore[misc]
    """Has a model validated with its averaged weights, and trained on with its own.

    To stand behind early stopping, which keeps the weights that were validated, and before the
    checkpoint. At the end of the training Keras itself leaves the averages in the model.
    """

    def on_test_begin(self, logs: Any = None) -> None:
        self._own = [weights.numpy() for weights in self.model.trainable_variables]
        average(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for weights, value in zip(self.model.trainable_variables, self._own, strict=True):
            weights.assign(value)


class _EarlyStopping(keras.callbacks.EarlyStopping):  # type: ignore[misc]
    """Keras' own, which begins with what it knew when the training was stopped."""

    def __init__(self, patience: int, done: TrainingState) -> None:
        super().__init__("val_accuracy", mode="max", patience=patience, restore_best_weights=True)
        self._done = done

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        for name, value in self._done.stopping.items():
            setattr(self, name, value)


class _Report(keras.callbacks.Callback):  # type: ignore[misc]
    """Turn Keras' logs into an EpochRecord, which is in the checkpoint before it is reported."""

    def __init__(
        self,
        on_epoch: OnEpoch,
        checkpoint: Checkpoint | None,
        stopping: keras.callbacks.EarlyStopping | None,
        done: Sequence[EpochRecord],
    ) -> None:
        super().__init__()
        self._on_epoch = on_epoch
        self._checkpoint = checkpoint
        self._stopping = stopping
        self._epochs = list(done)
        self._start = 0.0
        self._first_batch: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start = time.perf_counter()
        self._first_batch = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._first_batch is None:
            self._first_batch = time.perf_counter() - self._start

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        for loss in logs.keys() & {"loss", "val_loss"}:
            if not math.isfinite(logs[loss]):
                raise TrialFailed(f"{loss} became {logs[loss]} in epoch {epoch + 1}")
        record = EpochRecord(
            epoch=epoch + 1,
            train_loss=float(logs["loss"]),
            train_accuracy=float(logs["accuracy"]),
            val_loss=logs.get("val_loss"),
            val_accuracy=logs.get("val_accuracy"),
            learning_rate=float(self.model.optimizer.learning_rate),
            seconds=time.perf_counter() - self._start,
            memory_mb=_peak_memory_mb(),
            first_batch_seconds=self._first_batch,
        )
        self._epochs.append(record)
        if self._checkpoint is not None:
            self._checkpoint.save(self.model, self._stopping, self._epochs)
        self._on_epoch(record)


def _peak_memory_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
