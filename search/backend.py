"""Load Keras on TensorFlow, and the layers of ours that a model may hold, without the chatter.

TensorFlow's native code writes to stderr while it loads, whatever its log level says. An error
still comes through: Python raises it.
"""

import os

from search.silence import silenced

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

with silenced():
    # No device is touched here: a process that is forked later could not use a GPU any more.
    import keras
    import tensorflow as tf

    import search.models.layers
    import search.text_model
    import search.trial  # noqa: F401

__all__ = ["keras", "silenced", "tf"]
