"""Embedding, one or more LSTM layers, one pooled vector, a linear classifier."""

from spaces.layers import EMBEDDING, STACK
from spaces.ranges import declare

LSTM = declare(__file__, "lstm", **EMBEDDING, **STACK)
