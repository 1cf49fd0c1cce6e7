"""Embedding, parallel convolutions, the largest value of each (Kim 2014), a linear classifier."""

from spaces.family import Family
from spaces.layers import EMBEDDING
from spaces.ranges import Float, Int

CNN = Family(
    "cnn",
    "search.models.cnn:build",
    **EMBEDDING,
    filters=Int(low=8, high=256, default=64, log=True, note="patterns of each kernel size"),
    kernel_size=Int(low=1, high=5, default=3, note="words in the shortest pattern"),
    n_kernels=Int(
        low=1, high=4, default=2, note="kernel sizes side by side, each one word longer"
    ),
    output_dropout=Float(
        low=0.0, high=0.7, default=0.3, most=0.95, note="share dropped before the classifier"
    ),
)
