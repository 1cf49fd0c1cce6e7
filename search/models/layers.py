"""What the families share: layers that ignore padding, and the classifier on top."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from search.models import fused

LOWEST = -1e9  # below any activation, and finite: minus infinity would make NaN gradients


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
            n_kept = ops.sum(ops.cast(kept, steps.dtype), axis=1)
            return total / ops.maximum(n_kept, 1.0)  # a text may have no known n-gram
        return ops.max(ops.where(kept, steps, LOWEST), axis=1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], shape[2]

    def compute_mask(self, steps: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}


class TailMasked:
    """A recurrent layer of Keras that looks at the mask only where a row has already ended.

    Keras selects between old and new state at each step of a masked batch, which costs an LSTM a
    fifth of its time. In a batch of like lengths nearly all steps are words in every row; those
    are run without the mask. Weights, results and gradients are those of Keras' layer, but for
    the outputs behind the end of a row, which are left undefined.

    The mask must be True up to the end of a row and False behind it. To be named before Keras'
    layer among the bases.
    """

    return_sequences: bool

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Run over (batch, length, features); called by Keras' own `call`."""
        run = super().inner_loop  # type: ignore[misc]
        if mask is None:
            return run(sequences, initial_state, mask, training)  # type: ignore[no-any-return]
        ops = keras.ops
        # One masked step more, so that there is a tail even where all rows are equally long.
        sequences = ops.pad(sequences, [[0, 0], [0, 1], [0, 0]])
        mask = ops.pad(mask, [[0, 0], [0, 1]], constant_values=False)
        shortest = ops.min(ops.sum(ops.cast(mask, "int32"), axis=1))
        _, head, state = run(sequences[:, :shortest], initial_state, None, training)
        _, tail, state = run(sequences[:, shortest:], state, mask[:, shortest:], training)
        last = state[0]  # the only state of a GRU, and of an LSTM's two its output
        if not self.return_sequences:
            return last, last[:, None], state
        return last, ops.concatenate([head, tail[:, :-1]], axis=1), state


@keras.saving.register_keras_serializable(package="seqsearch")
class TailMaskedLSTM(TailMasked, keras.layers.LSTM):  # type: ignore[misc]
    """An LSTM, the fast way; its results are those of `keras.layers.LSTM`."""

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Run over (batch, length, features); called by Keras' own `call`."""
        if fused.applies(self, sequences, training):
            return fused.run(self, sequences, initial_state, mask, training)
        return super().inner_loop(sequences, initial_state, mask, training)


@keras.saving.register_keras_serializable(package="seqsearch")
class ReverseSteps(keras.layers.Layer):  # type: ignore[misc]
    """Turn the steps of each row around and leave its padding behind: (batch, length, features).

    A TailMaskedLSTM between two of these reads backwards. `keras.layers.Bidirectional` would put
    the padding in front.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, steps: Any, mask: Any = None) -> Any:
        if mask is None:
            return tf.reverse(steps, axis=[1])
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        # Gathering the steps one by one took a BiLSTM a seventh of its time.
        return tf.reverse_sequence(steps, lengths, seq_axis=1, batch_axis=0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape


@keras.saving.register_keras_serializable(package="seqsearch")
class MaskedConv1D(keras.layers.Conv1D):  # type: ignore[misc]
    """A convolution that sees zeros where the padding is, as at the end of an unpadded row."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.supports_masking = True

    def call(self, steps: Any, mask: Any = None) -> Any:
        return super().call(blank(steps, mask))


@keras.saving.register_keras_serializable(package="seqsearch")
class MaxPoolSteps(keras.layers.Layer):  # type: ignore[misc]
    """Make one step of each `pool_size`, the largest of each feature; a part at the end counts.

    Keras' MaxPooling1D would take padding for steps.
    """

    def __init__(self, pool_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.supports_masking = True

    def call(self, steps: Any, mask: Any = None) -> Any:
        """Pool (batch, length, features) to (batch, ceil(length / pool_size), features)."""
        ops = keras.ops
        if mask is not None:
            steps = ops.where(mask[:, :, None], steps, LOWEST)
        missing = -ops.shape(steps)[1] % self.pool_size
        steps = ops.pad(steps, [[0, 0], [0, missing], [0, 0]], constant_values=LOWEST)
        windows = ops.reshape(steps, (ops.shape(steps)[0], -1, self.pool_size, steps.shape[-1]))
        return ops.max(windows, axis=2)

    def compute_mask(self, steps: Any, previous_mask: Any = None) -> Any:
        # A mask is True up to the end of a row, so the first of each window decides.
        return None if previous_mask is None else previous_mask[:, :: self.pool_size]

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], None if shape[1] is None else -(-shape[1] // self.pool_size), shape[2]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="seqsearch")
class FlattenSteps(keras.layers.Layer):  # type: ignore[misc]
    """Lay the steps side by side, zeros behind the end: (batch, maxlen * features)."""

    def __init__(self, maxlen: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maxlen = maxlen
        self.supports_masking = True

    def call(self, steps: Any, mask: Any = None) -> Any:
        """Flatten (batch, length, features); length is at most `maxlen`."""
        ops = keras.ops
        missing = self.maxlen - ops.shape(steps)[1]
        steps = ops.pad(blank(steps, mask), [[0, 0], [0, missing], [0, 0]])
        return ops.reshape(steps, (-1, self.maxlen * steps.shape[-1]))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], self.maxlen * (shape[2] or 0)

    def compute_mask(self, steps: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "maxlen": self.maxlen}


def embed(n_tokens: int, masked: bool, dim: int, dropout: float) -> tuple[Any, Any]:
    """Return the input, int32 ids (batch, length), and their vectors (batch, length, dim).

    Args:
        masked: padding stands behind and is ignored; if not, it is a token like any other.
        dropout: each word is dropped on its own, not by word type as in Gal & Ghahramani 2016.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    steps = keras.layers.Embedding(n_tokens, dim, mask_zero=masked)(ids)
    return ids, keras.layers.Dropout(dropout, noise_shape=(None, None, 1))(steps)


def stack(
    layer: Callable[..., Any],
    steps: Any,
    *,
    layers: int,
    units: int,
    layer_dropout: float,
    dropout: float,
    recurrent_dropout: float,
    pooling: str,
) -> Any:
    """Put recurrent layers one upon the other and pool the states: (batch, units)."""
    steps = keras.layers.Dropout(layer_dropout)(steps)
    for number in range(1, layers + 1):
        steps = layer(
            units,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=number < layers or pooling != "last",
        )(steps)
        if number < layers:
            steps = keras.layers.Dropout(layer_dropout)(steps)
    return keras.layers.Dropout(layer_dropout)(pool(steps, pooling))


def pool(steps: Any, how: str) -> Any:
    """Pool (batch, length, features) to (batch, features), or twice as many for "max_mean".

    Args:
        how: "last", which was pooled by its layer, "mean", "max" or "max_mean", side by side.
    """
    match how:
        case "last":
            return steps
        case "max_mean":
            return keras.layers.Concatenate()([PoolSteps("max")(steps), PoolSteps("mean")(steps)])
    return PoolSteps(how)(steps)


def blank(steps: Any, mask: Any) -> Any:
    """Write zeros where the padding is."""
    return steps if mask is None else keras.ops.where(mask[:, :, None], steps, 0.0)


def classify(features: Any, n_classes: int) -> Any:
    """Map features (batch, n) to probabilities: (batch, 1) for two classes, else (batch, n)."""
    if n_classes == 2:
        return keras.layers.Dense(1, activation="sigmoid", name="probability")(features)
    return keras.layers.Dense(n_classes, activation="softmax", name="probabilities")(features)
