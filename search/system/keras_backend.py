"""Load Keras on TensorFlow, and the layers of ours that a model may hold, without the chatter.

TensorFlow's native code writes to stderr while it loads, whatever its log level says. An error
still comes through: Python raises it.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from search.system.quiet import silenced

_NEVER_USED = ("matplotlib", "sklearn")  # by what we use of Keras: its plots and its wrappers


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """What is loaded stays: to look for garbage among it takes a fifth of the time of loading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _without(packages: tuple[str, ...]) -> Iterator[None]:
    """Have who tries to import these do without them, as if they were not installed.

    Keras does. They are a quarter of the time that a process needs to start with it.
    """
    unloaded = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(unloaded))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in unloaded:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with silenced(), _without(_NEVER_USED), _no_garbage_collected():
    # No device is touched here: a process that is forked later could not use a GPU any more.
    import keras
    import tensorflow as tf

    import search.models.layers
    import search.models.text_layer
    import search.training.trial  # noqa: F401

__all__ = ["keras", "silenced", "tf"]
