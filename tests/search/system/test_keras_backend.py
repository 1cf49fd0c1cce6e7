"""Keras loads without what nobody here uses of it, and takes nothing away from others."""

from __future__ import annotations

import subprocess
import sys

_LOADS = """
import gc, sys
import search.backend
assert not {"matplotlib", "sklearn"} & sys.modules.keys(), "loaded with Keras"
assert gc.isenabled()
import sklearn
"""


def test_keras_loads_without_scikit_learn_and_others_still_get_it() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
