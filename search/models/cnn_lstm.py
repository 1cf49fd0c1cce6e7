"""Embedding, a convolution and its pooling shorten the review, an LSTM reads what is left."""

from __future__ import annotations

import keras

from search.models.layers import (
    MaskedConv1D,
    MaxPoolSteps,
    TailMaskedLSTM,
    classify,
    embed,
    pool,
)


def build(
    n_tokens: int,
    maxlen: int,
    n_classes: int,
    masked: bool,
    *,
    embedding_dim: int,
    embedding_dropout: float,
    filters: int,
    kernel_size: int,
    pool_size: int,
    layer_dropout: float,
    units: int,
    dropout: float,
    recurrent_dropout: float,
    pooling: str,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids, steps = embed(n_tokens, masked, embedding_dim, embedding_dropout)
    steps = keras.layers.Dropout(layer_dropout)(steps)
    steps = MaskedConv1D(filters, kernel_size, padding="same", activation="relu")(steps)
    steps = keras.layers.Dropout(layer_dropout)(MaxPoolSteps(pool_size)(steps))
    steps = TailMaskedLSTM(
        units,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        return_sequences=pooling != "last",
    )(steps)
    pooled = keras.layers.Dropout(layer_dropout)(pool(steps, pooling))
    return keras.Model(ids, classify(pooled, n_classes), name="cnn_lstm")
