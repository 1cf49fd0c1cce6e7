"""The builders of the architecture families, written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from search.models import lstm

# build(n_tokens, n_classes, masked, **ranges of the family) -> keras.Model
# ids (batch, length) -> probabilities (batch, 1) for two classes, (batch, n_classes) for more.
Build = Callable[..., Any]

BUILDERS: dict[str, Build] = {"lstm": lstm.build}
