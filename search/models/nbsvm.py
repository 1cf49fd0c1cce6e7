"""Naive-Bayes-weighted n-grams under a linear classifier (Wang & Manning 2012)."""

from __future__ import annotations

import keras

from search.models.ngrams import NaiveBayesNgrams


def build(
    n_tokens: int,
    maxlen: int,
    n_classes: int,
    masked: bool,
    *,
    order: int,
    max_ngrams: int,
    smoothing: float,
) -> keras.Model:
    """Build the model; the arguments are those of `Build` and the ranges of the family."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    n_columns = 1 if n_classes == 2 else n_classes
    sums = NaiveBayesNgrams(
        order=order, max_ngrams=max_ngrams, n_columns=n_columns, smoothing=smoothing
    )(ids)
    activation = "sigmoid" if n_columns == 1 else "softmax"
    return keras.Model(ids, keras.layers.Activation(activation)(sums), name="nbsvm")
