"""Embedding, one or more GRU layers, one pooled vector, a linear classifier."""

from spaces.family import Family
from spaces.layers import EMBEDDING, STACK

GRU = Family("gru", "search.models.gru:build", **EMBEDDING, **STACK)
