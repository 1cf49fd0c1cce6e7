"""Adam in one operation is Keras' Adam, but for words that stand several times in a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search.system.keras_backend import keras, tf
from search.training.optimizer import Adam

OPTIONS: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.9},
    {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
]


def trained(optimizer: Any, n_steps: int = 10) -> list[np.ndarray]:
    """Weights after some steps with gradients that differ in size."""
    chance = np.random.default_rng(0)
    shapes = ((5, 3), (4,))
    weights = [keras.Variable(chance.normal(size=shape), dtype="float32") for shape in shapes]
    optimizer.build(weights)

    @tf.function
    def step(gradients: Any) -> None:
        optimizer.apply(gradients, weights)

    for number in range(n_steps):
        step([tf.constant(chance.normal(0, 2.0**-number, s), tf.float32) for s in shapes])
    optimizer.finalize_variable_values(weights)
    return [weight.numpy() for weight in weights]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_does_what_that_of_keras_does(options: dict[str, Any]) -> None:
    ours = trained(Adam(0.01, **options))
    for expected, given in zip(trained(keras.optimizers.Adam(0.01, **options)), ours, strict=True):
        np.testing.assert_allclose(given, expected, rtol=0, atol=2e-6)
    if options:
        assert np.abs(ours[0] - trained(Adam(0.01))[0]).max() > 1e-4


def test_gradients_of_a_word_that_stands_twice_are_added_up() -> None:
    vectors = [keras.Variable(np.zeros((4, 2)), dtype="float32") for _ in range(2)]
    parts = tf.IndexedSlices(tf.constant([[1.0, 1.0], [2.0, 2.0]]), tf.constant([1, 1]), (4, 2))
    for vector, gradient in zip(vectors, (parts, tf.convert_to_tensor(parts)), strict=True):
        optimizer = Adam(0.1)
        optimizer.build([vector])
        for _ in range(2):
            optimizer.apply([gradient], [vector])
    np.testing.assert_array_equal(*vectors)
    assert [row.any() for row in vectors[0].numpy()] == [False, True, False, False]
