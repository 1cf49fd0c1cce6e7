"""Embedding, LSTM layers that read in both directions, one pooled vector, a linear classifier."""

from __future__ import annotations

from typing import Any

import keras

from search.models.layers import ReverseSteps, TailMaskedLSTM, classify, embed, pool


def build(
    n_tokens: int,
    maxlen: int,
    n_classes: int,
    masked: bool,
    *,
    embedding_dim: int,
    embedding_dropout: float,
    layers: int,
    units: int,
    taper: float,
    input_dropout: float,
    layer_dropout: float,
    output_dropout: float,
    dropout: float,
    recurrent_dropout: float,
    pooling: str,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids, steps = embed(n_tokens, masked, embedding_dim, embedding_dropout)
    steps = keras.layers.Dropout(input_dropout)(steps)
    for layer in range(layers):
        if layer:
            steps = keras.layers.Dropout(layer_dropout)(steps)
        steps = _both_ways(
            steps,
            max(1, round(units * taper**layer)),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=layer < layers - 1 or pooling != "last",
        )
    pooled = keras.layers.Dropout(output_dropout)(pool(steps, pooling))
    return keras.Model(ids, classify(pooled, n_classes), name="bilstm")


def _both_ways(steps: Any, units: int, *, return_sequences: bool, **options: float) -> Any:
    """Put the states of both directions side by side, each step's with its step."""
    options = {**options, "return_sequences": return_sequences}
    forward = TailMaskedLSTM(units, **options)(steps)
    backward = TailMaskedLSTM(units, **options)(ReverseSteps()(steps))
    if return_sequences:
        backward = ReverseSteps()(backward)
    return keras.layers.Concatenate()([forward, backward])
