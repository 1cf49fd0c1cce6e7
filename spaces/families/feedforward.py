"""Embedding, one vector without regard to order (or flattened), hidden layers, a classifier."""

from spaces.family import Family
from spaces.layers import EMBEDDING
from spaces.ranges import Choice, Float, Int

FEEDFORWARD = Family(
    "feedforward",
    "search.models.feedforward:build",
    **EMBEDDING,
    pooling=Choice(
        options=("mean", "max", "max_mean", "flatten"),
        default="mean",
        note="how the words become one vector; flatten keeps each at its place",
    ),
    layers=Int(low=0, high=3, default=1, note="hidden layers; 0 is a linear classifier"),
    units=Int(low=8, high=512, default=64, log=True, note="numbers in a hidden layer"),
    layer_dropout=Float(
        low=0.0,
        high=0.7,
        most=0.95,
        default=0.3,
        note="share dropped after the pooling and after each hidden layer",
    ),
)
