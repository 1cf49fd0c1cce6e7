"""Adam as TensorFlow's own operation has it: one pass over the weights of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Adam(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Adam (Kingma & Ba 2015), with what a batch says of each word added up.

    Keras' own is a dozen operations over all weights, which for a large embedding takes longer
    than the LSTM behind it; and where a word stands several times in a batch, it squares each
    gradient of its vector on its own (Keras 3.15), not their sum.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "adam",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._moments: dict[Any, tuple[Any, Any]] = {}

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make room for two running means of each weight: of its gradient, and of the square."""
        if self.built:
            return
        super().build(variables)
        for variable in variables:
            mean = self.add_variable_from_reference(variable, "mean")
            square = self.add_variable_from_reference(variable, "square")
            self._moments[variable.value.ref()] = mean.value, square.value

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update the weights; those of an embedding come as slices, one for each word's place."""
        dense = [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in grads]
        super().apply(dense, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight; called by Keras."""
        mean, square = self._moments[variable.ref()]
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=mean.handle,
            v=square.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient,
        )

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
