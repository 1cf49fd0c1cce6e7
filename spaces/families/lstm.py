"""Embedding, one or more LSTM layers, one pooled vector, a linear classifier."""

from spaces.family import Family
from spaces.layers import EMBEDDING, STACK

LSTM = Family("lstm", "search.models.lstm:build", **EMBEDDING, **STACK)
