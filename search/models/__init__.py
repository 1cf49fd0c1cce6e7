"""Find the function that builds a family's models (spaces/family.py says what it takes)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import search.system.keras_backend  # noqa: F401  first: it silences TensorFlow's start
from search.models import layers, ngrams  # noqa: F401  Keras then knows our layers by name
from spaces.families import find

Build = Callable[..., Any]

# In these a step of an LSTM is so little work that two threads mostly wait for each other. The two
# directions of a bilstm still run side by side.
ONE_THREAD = frozenset({"bilstm", "cnn_lstm", "lstm"})


def builder(family: str) -> Build:
    """Return the builder of a family, which is imported now."""
    build = find(family).build
    if not isinstance(build, str):
        return build
    module, _, name = build.partition(":")
    found: Build = getattr(importlib.import_module(module), name)
    return found
