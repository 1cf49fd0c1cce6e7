"""Embeddings of words, word pairs and triples, averaged (fastText, Joulin et al. 2016)."""

from __future__ import annotations

import keras

from search.models.layers import PoolSteps, classify
from search.models.ngrams import NgramNumbers


def build(
    n_tokens: int,
    maxlen: int,
    n_classes: int,
    masked: bool,
    *,
    embedding_dim: int,
    order: int,
    max_ngrams: int,
    output_dropout: float,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    numbers = NgramNumbers(order, max_ngrams)(ids)
    vectors = keras.layers.Embedding(max_ngrams + 1, embedding_dim, mask_zero=True)(numbers)
    pooled = keras.layers.Dropout(output_dropout)(PoolSteps("mean")(vectors))
    return keras.Model(ids, classify(pooled, n_classes), name="ngram")
