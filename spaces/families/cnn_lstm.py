"""Embedding, a convolution and its pooling shorten the review, an LSTM reads what is left."""

from spaces.family import Family
from spaces.layers import EMBEDDING, RECURRENT
from spaces.ranges import Float, Int

CNN_LSTM = Family(
    "cnn_lstm",
    "search.models.cnn_lstm:build",
    **EMBEDDING,
    filters=Int(low=8, high=256, default=64, log=True, note="patterns the convolution looks for"),
    kernel_size=Int(low=2, high=7, default=3, note="words in a pattern"),
    pool_size=Int(low=1, high=8, default=4, note="steps that become one, the largest; 1 is none"),
    layer_dropout=Float(
        low=0.0,
        high=0.7,
        most=0.95,
        default=0.3,
        note="share dropped after the embedding, before and after the LSTM",
    ),
    **RECURRENT,
)
