"""Plans for tests that need one with several ranges and references, whatever our studies are."""

from __future__ import annotations

from spaces import tutorials
from spaces.study import Study

DROPOUT = Study(
    "lstm_dropout",
    "Where does dropout help an LSTM?",
    families=("lstm",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.units",
        "lstm.pooling",
        "lstm.embedding_dropout",
        "lstm.layer_dropout",
        "lstm.dropout",
    ),
    references=tutorials.LSTM_DROPOUT,
)
