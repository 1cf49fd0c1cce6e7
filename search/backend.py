"""Load Keras on TensorFlow, and the layers of ours that a model may hold, without the chatter.

TensorFlow's native code writes to stderr while it loads, whatever its log level says. An import
error still comes through: Python raises it.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

sys.stderr.flush()
_stderr = os.dup(2)
_nowhere = os.open(os.devnull, os.O_WRONLY)
os.dup2(_nowhere, 2)
try:
    import keras
    import tensorflow as tf

    # The first use of a device is what logs.
    tf.config.list_physical_devices("GPU")
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
    os.close(_nowhere)

import search.evaluate  # noqa: E402
import search.models.layers  # noqa: E402
import search.text_model  # noqa: E402, F401

__all__ = ["keras", "tf"]
