"""Embedding, parallel convolutions, the largest value of each (Kim 2014), a linear classifier."""

from __future__ import annotations

import keras

from search.models.layers import MaskedConv1D, PoolSteps, classify, embed


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
    n_kernels: int,
    output_dropout: float,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids, steps = embed(n_tokens, masked, embedding_dim, embedding_dropout)
    pooled = [
        PoolSteps("max")(MaskedConv1D(filters, size, padding="same", activation="relu")(steps))
        for size in range(kernel_size, kernel_size + n_kernels)
    ]
    features = pooled[0] if n_kernels == 1 else keras.layers.Concatenate()(pooled)
    features = keras.layers.Dropout(output_dropout)(features)
    return keras.Model(ids, classify(features, n_classes), name="cnn")
