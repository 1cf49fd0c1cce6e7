"""Ranges of layers that several families have, so that one hyperparameter is described once."""

from spaces.ranges import Choice, Float, Int, Range

EMBEDDING: dict[str, Range] = {
    "embedding_dim": Int(low=8, high=256, default=64, log=True, note="numbers in a word's vector"),
    "embedding_dropout": Float(
        low=0.0,
        high=0.6,
        default=0.4,
        most=0.95,
        note="share of words dropped whole, vector and all",
    ),
}

# Inside a recurrent layer.
RECURRENT: dict[str, Range] = {
    "units": Int(low=8, high=256, default=64, log=True, note="numbers in a layer's state"),
    "dropout": Float(
        low=0.0,
        high=0.6,
        default=0.0,
        most=0.95,
        note="share of a step's input dropped inside the layer",
    ),
    "recurrent_dropout": Float(
        low=0.0,
        high=0.6,
        most=0.95,
        default=0.0,
        note="share of the state dropped from step to step; an epoch then takes longer",
    ),
    "pooling": Choice(
        options=("last", "mean", "max", "max_mean"),
        default="max_mean",
        note="how the states of all steps become one vector; max_mean puts two side by side",
    ),
}

# Recurrent layers, one upon the other.
STACK: dict[str, Range] = {
    **RECURRENT,
    "layers": Int(low=1, high=3, default=1, note="recurrent layers, one upon the other"),
    "layer_dropout": Float(
        low=0.0,
        high=0.7,
        most=0.95,
        default=0.3,
        note="share dropped after the embedding and after each recurrent layer",
    ),
}
