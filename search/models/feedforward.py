"""Embedding, one vector without regard to order (or flattened), hidden layers, a classifier."""

from __future__ import annotations

import keras

from search.models.layers import FlattenSteps, classify, embed, pool


def build(
    n_tokens: int,
    maxlen: int,
    n_classes: int,
    masked: bool,
    *,
    embedding_dim: int,
    embedding_dropout: float,
    pooling: str,
    layers: int,
    units: int,
    layer_dropout: float,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids, steps = embed(n_tokens, masked, embedding_dim, embedding_dropout)
    pooled = FlattenSteps(maxlen)(steps) if pooling == "flatten" else pool(steps, pooling)
    features = keras.layers.Dropout(layer_dropout)(pooled)
    for _ in range(layers):
        features = keras.layers.Dense(units, activation="relu")(features)
        features = keras.layers.Dropout(layer_dropout)(features)
    return keras.Model(ids, classify(features, n_classes), name="feedforward")
