"""A whole LSTM in one operation of TensorFlow's, where Keras runs a loop over its steps on a CPU.

The operation is BlockLSTM in its first version: the gradient that TensorFlow registers for
BlockLSTMV2 is the one of the first version's order of gates, and so is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

_off: ContextVar[bool] = ContextVar("seqsearch_fused_off", default=False)


@contextmanager
def loops_only() -> Iterator[None]:
    """Run Keras' own loop in layers, also where one operation would do.

    For graphs that are written to a file: malformed, BlockLSTM ends the process that runs it, so
    no model of ours has it.
    """
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)


def applies(layer: keras.layers.LSTM, sequences: Any, training: bool | None) -> bool:
    """Return whether `run` computes what this layer computes of (batch, length, features)."""
    cell = layer.cell
    return not (
        _off.get()
        or (training and layer.recurrent_dropout)
        or layer.go_backwards
        or layer.unroll
        or not layer.use_bias
        or cell.activation is not keras.activations.tanh
        or cell.recurrent_activation is not keras.activations.sigmoid
        or layer.compute_dtype != "float32"
        or sequences.shape[-1] != cell.kernel.shape[0]
        or tf.config.list_logical_devices("GPU")  # there Keras has cuDNN
    )


def run(
    layer: keras.layers.LSTM, sequences: Any, state: list[Any], mask: Any, training: bool | None
) -> tuple[Any, Any, list[Any]]:
    """Run a layer over (batch, length, features), as `keras.layers.LSTM.inner_loop` does.

    Args:
        mask: (batch, length), True up to the end of a row and False behind it, or None. Nothing
            is skipped: a row runs on behind its end, but its last output is that of the end.

    Returns:
        last output, (batch, units); outputs of all steps, (batch, length, units), or of one that
        stands for them; last output and cell state.
    """
    if training and layer.dropout:
        sequences = sequences * layer.cell.get_dropout_mask(sequences[:, 0])[:, None]
    steps = tf.transpose(sequences, [1, 0, 2])
    kernel = tf.concat([layer.cell.kernel, layer.cell.recurrent_kernel], axis=0)
    no_peephole = tf.zeros(layer.units)
    done = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.shape(steps, out_type=tf.int64)[0],  # any other number ends the process
        x=steps,
        h_prev=state[0],
        cs_prev=state[1],
        w=_reordered(kernel),
        b=_reordered(tf.convert_to_tensor(layer.cell.bias)),
        wci=no_peephole,
        wcf=no_peephole,
        wco=no_peephole,
        forget_bias=0.0,  # the bias has it
        cell_clip=-1.0,  # none
        use_peephole=False,
    )
    ends = [
        _at_end(states, mask, first)
        for states, first in zip((done.h, done.cs), state, strict=True)
    ]
    if not layer.return_sequences:
        return ends[0], ends[0][:, None], ends
    return ends[0], tf.transpose(done.h, [1, 0, 2]), ends


def _reordered(gates: Any) -> Any:
    """Put gates, side by side on the last axis, from Keras' order into that of BlockLSTM."""
    i, f, c, o = tf.split(gates, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)


def _at_end(states: Any, mask: Any, first: Any) -> Any:
    """Take each row's last state of (length, batch, units); the first if it has no step."""
    if mask is None:
        return states[-1]
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    places = tf.stack([tf.maximum(lengths - 1, 0), tf.range(tf.shape(lengths)[0])], axis=1)
    return tf.where(lengths[:, None] > 0, tf.gather_nd(states, places), first)
