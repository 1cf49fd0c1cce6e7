"""Embedding, one or more GRU layers, one pooled vector, a linear classifier."""

from spaces.layers import EMBEDDING, STACK
from spaces.ranges import declare

GRU = declare(__file__, "gru", **EMBEDDING, **STACK)
