"""The builders of the architecture families, written out.

    build(n_tokens, maxlen, n_classes, masked, *, <the ranges of the family>) -> keras.Model

    n_tokens  token ids in use
    maxlen    tokens of a text at most
    masked    padding stands behind and is ignored; if not, it is a token like any other

The model maps int32 ids (batch, length) to probabilities, (batch, 1) for two classes and
(batch, n_classes) for more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import search.system.keras_backend  # noqa: F401  first: it silences TensorFlow's start
from search.models import bilstm, cnn, cnn_lstm, feedforward, gru, lstm, nbsvm, ngram

Build = Callable[..., Any]

BUILDERS: dict[str, Build] = {
    "bilstm": bilstm.build,
    "cnn": cnn.build,
    "cnn_lstm": cnn_lstm.build,
    "feedforward": feedforward.build,
    "gru": gru.build,
    "lstm": lstm.build,
    "nbsvm": nbsvm.build,
    "ngram": ngram.build,
}

# In these a step of an LSTM is so little work that two threads mostly wait for each other. The two
# directions of a bilstm still run side by side.
ONE_THREAD = frozenset({"bilstm", "cnn_lstm", "lstm"})
