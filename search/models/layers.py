"""What the families share: pooling that ignores padding, and the classifier on top."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="seqsearch")
class PoolSteps(keras.layers.Layer):  # type: ignore[misc]
    """Make one vector of the states of all steps.

    Keras' own GlobalMaxPooling1D ignores masks, so a prediction would depend on the padding.

    Args:
        how: "mean" or "max".
    """

    def __init__(self, how: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        self.supports_masking = True

    def call(self, steps: Any, mask: Any = None) -> Any:
        """Pool (batch, length, features) to (batch, features); the mask is (batch, length)."""
        ops = keras.ops
        if mask is None:
            mask = ops.ones(ops.shape(steps)[:2], dtype="bool")
        kept = ops.expand_dims(mask, -1)
        if self.how == "mean":
            total = ops.sum(ops.where(kept, steps, 0.0), axis=1)
            return total / ops.sum(ops.cast(kept, steps.dtype), axis=1)
        return ops.max(ops.where(kept, steps, -1e9), axis=1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], shape[2]

    def compute_mask(self, steps: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}


@keras.saving.register_keras_serializable(package="seqsearch")
class TailMaskedLSTM(keras.layers.LSTM):  # type: ignore[misc]
    """An LSTM that looks at the mask only where a row of the batch has already ended.

    Keras' LSTM selects between old and new state at each step of a masked batch, which costs a
    fifth of the time. In a batch of like lengths nearly all steps are words in every row; those
    are run without the mask. Weights, results and gradients are those of `keras.layers.LSTM`,
    but for the outputs behind the end of a row, which are left undefined.

    The mask must be True up to the end of a row and False behind it.
    """

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Run over (batch, length, features); called by Keras' own `call`."""
        run = super().inner_loop
        if mask is None:
            return run(sequences, initial_state, mask, training)  # type: ignore[no-any-return]
        ops = keras.ops
        # One masked step more, so that there is a tail even where all rows are equally long.
        sequences = ops.pad(sequences, [[0, 0], [0, 1], [0, 0]])
        mask = ops.pad(mask, [[0, 0], [0, 1]], constant_values=False)
        shortest = ops.min(ops.sum(ops.cast(mask, "int32"), axis=1))
        _, head, state = run(sequences[:, :shortest], initial_state, None, training)
        _, tail, state = run(sequences[:, shortest:], state, mask[:, shortest:], training)
        last = state[0]  # of an LSTM's two states the first is its output
        if not self.return_sequences:
            return last, last[:, None], state
        return last, ops.concatenate([head, tail[:, :-1]], axis=1), state


def classify(features: Any, n_classes: int) -> Any:
    """Map features (batch, n) to probabilities: (batch, 1) for two classes, else (batch, n)."""
    if n_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name="probability")(features)
    return keras.layers.Dense(n_classes, activation="softmax", name="probabilities")(features)
