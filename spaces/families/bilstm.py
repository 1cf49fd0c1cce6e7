"""Embedding, LSTM layers that read in both directions, one pooled vector, a linear classifier."""

from spaces.family import Family
from spaces.layers import EMBEDDING, RECURRENT
from spaces.ranges import Choice, Float, Int

BILSTM = Family(
    "bilstm",
    "search.models.bilstm:build",
    **EMBEDDING,
    **RECURRENT,
    layers=Int(low=1, high=3, default=1, note="two-way layers, one upon the other"),
    taper=Choice(
        options=(1.0, 0.5),
        default=1.0,
        note="units of a layer as a share of those of the layer below",
    ),
    input_dropout=Float(
        low=0.0, high=0.7, default=0.3, most=0.95, note="share of the embedding's numbers dropped"
    ),
    layer_dropout=Float(
        low=0.0, high=0.7, default=0.3, most=0.95, note="share dropped between two layers"
    ),
    output_dropout=Float(
        low=0.0, high=0.7, default=0.3, most=0.95, note="share dropped before the classifier"
    ),
)
