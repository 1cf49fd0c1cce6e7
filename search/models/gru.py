"""Embedding, one or more GRU layers, one pooled vector, a linear classifier (Cho et al. 2014)."""

from __future__ import annotations

import keras

from search.models.layers import TailMasked, classify, embed, stack


@keras.saving.register_keras_serializable(package="seqsearch")
class TailMaskedGRU(TailMasked, keras.layers.GRU):  # type: ignore[misc]
    """A GRU, the fast way; its results are those of `keras.layers.GRU`."""


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
    layer_dropout: float,
    dropout: float,
    recurrent_dropout: float,
    pooling: str,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids, steps = embed(n_tokens, masked, embedding_dim, embedding_dropout)
    pooled = stack(
        TailMaskedGRU,
        steps,
        layers=layers,
        units=units,
        layer_dropout=layer_dropout,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        pooling=pooling,
    )
    return keras.Model(ids, classify(pooled, n_classes), name="gru")
