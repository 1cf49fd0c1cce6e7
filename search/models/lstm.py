"""Embedding, one or more LSTM layers, one pooled vector, a linear classifier."""

from __future__ import annotations

import keras

from search.models.layers import PoolSteps, TailMaskedLSTM, classify


def build(
    n_tokens: int,
    n_classes: int,
    masked: bool,
    *,
    embedding_dim: int,
    embedding_dropout: float,
    layers: int,
    units: int,
    layer_dropout: float,
    dropout: float,
    recurrent_dropout: float,
    pooling: str,
) -> keras.Model:
    """Build the model.

    Args:
        n_tokens: ids in use; ids are int32 of shape (batch, length).
        masked: padding stands behind and is ignored; if not, it is a token like any other.
        embedding_dropout: each word is dropped on its own, not by word type as in
            Gal & Ghahramani 2016.
        pooling: "last", "mean" or "max" over the states of all steps.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    steps = keras.layers.Embedding(n_tokens, embedding_dim, mask_zero=masked)(ids)
    steps = keras.layers.Dropout(embedding_dropout, noise_shape=(None, None, 1))(steps)
    steps = keras.layers.Dropout(layer_dropout)(steps)
    for layer in range(1, layers + 1):
        steps = TailMaskedLSTM(
            units,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=layer < layers or pooling != "last",
        )(steps)
        if layer < layers:
            steps = keras.layers.Dropout(layer_dropout)(steps)
    pooled = steps if pooling == "last" else PoolSteps(pooling)(steps)
    pooled = keras.layers.Dropout(layer_dropout)(pooled)
    return keras.Model(ids, classify(pooled, n_classes), name="lstm")
