"""How a training goes: schedule of the step size, averaged weights, smoothed labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search.datasets.batches import Labelled, pack
from search.models.layers import PoolSteps, classify
from search.system.keras_backend import keras
from search.training.fit import train
from tracking.records import EpochRecord

RATE = 0.01
N_TEXTS, BATCH = 40, 4  # ten steps an epoch


def data(n_classes: int = 2) -> Labelled:
    chance = np.random.default_rng(0)
    rows = [chance.integers(4, 20, size=n).astype(np.int32) for n in range(1, N_TEXTS + 1)]
    return Labelled(pack(rows), np.arange(N_TEXTS, dtype=np.int32) % n_classes)


def bag_of_words(n_classes: int = 2) -> keras.Model:
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32")
    pooled = PoolSteps("mean")(keras.layers.Embedding(20, 3, mask_zero=True)(ids))
    return keras.Model(ids, classify(pooled, n_classes))


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Sees the step size before each step, and the weights behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []
        self.weights: list[list[np.ndarray]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.weights.append(self.model.get_weights())


def fit(
    model: keras.Model, validation: Labelled | None = None, **values: Any
) -> tuple[Steps, list[EpochRecord]]:
    steps, epochs = Steps(), list[EpochRecord]()
    values = {"epochs": 4, "learning_rate": RATE, "patience": 9, **values}
    training = values.pop("training", data())
    train(
        model,
        training,
        validation,
        seed=1,
        on_epoch=epochs.append,
        batch_size=BATCH,
        callbacks=[steps],
        **values,
    )
    return steps, epochs


def test_a_constant_step_size_is_that_of_each_step() -> None:
    steps, _ = fit(bag_of_words())
    assert steps.rates == pytest.approx([RATE] * 40)


def test_a_cosine_rises_in_the_first_steps_and_falls_to_zero_at_the_last() -> None:
    steps, epochs = fit(bag_of_words(), schedule="cosine")
    rises, falls = steps.rates[:3], steps.rates[2:]
    assert rises == pytest.approx([0, RATE / 2, RATE])
    half_turns = np.linspace(0, np.pi, 39)[:-1]  # behind the last step it is zero
    np.testing.assert_allclose(falls, RATE * (1 + np.cos(half_turns)) / 2, atol=1e-7)
    assert epochs[-1].learning_rate == pytest.approx(0, abs=1e-9)


def test_a_cosine_of_a_single_step_has_no_warm_up() -> None:
    few = data().select(np.arange(BATCH))
    steps, _ = fit(bag_of_words(), training=few, epochs=1, schedule="cosine")
    assert steps.rates == pytest.approx([RATE])


def test_a_training_that_ends_early_keeps_the_schedule_of_all_epochs() -> None:
    whole, _ = fit(bag_of_words(), schedule="cosine")
    ended, epochs = fit(bag_of_words(), schedule="cosine", stop_after=2)
    assert len(epochs) == 2
    assert ended.rates == whole.rates[:20]
    for one, other in zip(ended.weights[-1], whole.weights[19], strict=True):
        np.testing.assert_array_equal(one, other)


def test_averaged_weights_are_left_in_the_model_and_trained_without() -> None:
    plain, _ = fit(bag_of_words())
    model = bag_of_words()
    steps, _ = fit(model, ema_momentum=0.9)
    average = steps.weights[0]
    for weights, unaveraged in zip(steps.weights, plain.weights, strict=True):
        average = [0.9 * mean + 0.1 * new for mean, new in zip(average, weights, strict=True)]
        for one, other in zip(weights, unaveraged, strict=True):
            np.testing.assert_array_equal(one, other)
    for given, expected in zip(model.get_weights(), average, strict=True):
        np.testing.assert_allclose(given, expected, atol=1e-6)


def test_averaged_weights_are_what_is_validated() -> None:
    held_out = data().select(np.arange(12))
    model = bag_of_words()
    steps, epochs = fit(model, held_out, ema_momentum=0.9)
    without, _ = fit(bag_of_words(), ema_momentum=0.9)
    for weights, unseen in zip(steps.weights, without.weights, strict=True):
        for one, other in zip(weights, unseen, strict=True):  # training takes no notice
            np.testing.assert_array_equal(one, other)
    best = max(range(4), key=lambda number: epochs[number].val_accuracy)
    found = keras.losses.binary_crossentropy(
        held_out.labels[:, None].astype(np.float32),
        model.predict(padded(held_out), verbose=0),
    )
    assert np.mean(found) == pytest.approx(epochs[best].val_loss, abs=1e-6)


def padded(texts: Labelled) -> np.ndarray:
    return keras.utils.pad_sequences(
        [texts.rows[row] for row in range(len(texts.labels))], padding="post"
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_are_smoothed_in_training_only(n_classes: int) -> None:
    """With a step size next to nothing, every loss is that of the answers at the start."""
    texts = data(n_classes)
    losses = {}
    for smoothing in (0.0, 0.3):
        model = bag_of_words(n_classes)
        answer = model.layers[-1]
        answer.bias.assign(np.linspace(2.0, -1.0, answer.units))
        answers = model.predict(padded(texts), verbose=0).astype(float)
        _, (epoch,) = fit(
            model,
            texts,
            training=texts,
            epochs=1,
            learning_rate=1e-12,
            label_smoothing=smoothing,
        )
        losses[smoothing] = epoch
    shares = np.eye(n_classes)[texts.labels]
    answers = np.concatenate([1 - answers, answers], axis=1) if n_classes == 2 else answers

    def loss(smoothing: float) -> float:
        smoothed = shares * (1 - smoothing) + smoothing / n_classes
        return float(-(smoothed * np.log(answers)).sum(axis=1).mean())

    for smoothing, epoch in losses.items():
        assert epoch.train_loss == pytest.approx(loss(smoothing), abs=1e-5)
        assert epoch.val_loss == pytest.approx(loss(0.0), abs=1e-5)
        hits = np.mean(answers.argmax(axis=1) == texts.labels)
        assert (epoch.train_accuracy, epoch.val_accuracy) == pytest.approx((hits, hits))
