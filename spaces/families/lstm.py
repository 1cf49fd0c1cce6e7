"""Embedding, one or more LSTM layers, one pooled vector, a linear classifier."""

from spaces.ranges import Choice, Float, Int, Space

LSTM: Space = {
    "lstm.embedding_dim": Int(
        low=8, high=256, default=64, log=True, note="numbers in a word's vector"
    ),
    "lstm.embedding_dropout": Float(
        low=0.0, high=0.6, default=0.4, note="share of words dropped whole, vector and all"
    ),
    "lstm.layers": Int(low=1, high=3, default=1, note="LSTM layers, one upon the other"),
    "lstm.units": Int(low=8, high=256, default=64, log=True, note="numbers in the LSTM's state"),
    "lstm.layer_dropout": Float(
        low=0.0,
        high=0.7,
        default=0.3,
        note="share dropped after the embedding and after each LSTM layer",
    ),
    "lstm.dropout": Float(
        low=0.0, high=0.6, default=0.0, note="share of a step's input dropped inside the LSTM"
    ),
    "lstm.recurrent_dropout": Float(
        low=0.0,
        high=0.6,
        default=0.0,
        note="share of the state dropped from step to step; an epoch then takes longer",
    ),
    "lstm.pooling": Choice(
        options=("last", "mean", "max"),
        default="mean",
        note="how the states of all steps become one vector",
    ),
}
