"""Whether two homes have the same study, to the last bit of every trial's weights."""

from __future__ import annotations

import hashlib
import io
import zipfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.programs import snapshot
from tracking import store


def differences(study: str, home: Path, other: Path) -> list[str]:
    """Return what differs, a sentence each. Seconds, memory and ids do, and are left out."""
    pairs = zip_longest(_trials(study, home), _trials(study, other), fillvalue={})
    return [
        f"trial {number}: {name} is {one.get(name)} and {two.get(name)}"
        for number, (one, two) in enumerate(pairs)
        for name in {**one, **two}
        if one.get(name) != two.get(name)
    ]


def hash_weights(model: Path) -> str:
    """Return the SHA-256 of all arrays of a .keras file, with their names.

    Of the arrays and not of the file, which has the time when it was saved.
    """
    found = hashlib.sha256()
    with zipfile.ZipFile(model) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            array = np.asarray(item)
            found.update(f"{name} {array.shape} {array.dtype}\n".encode())
            found.update(array.tobytes())

    with h5py.File(weights) as file:
        file.visititems(add)
    return found.hexdigest()


def _trials(study: str, home: Path) -> list[dict[str, Any]]:
    records, root = snapshot(home, study), home / "mlruns"
    return [
        {
            "state": trial.state,
            "proposed_by": trial.proposed_by,
            "seed": trial.seed,
            **trial.params,
            **records.epochs[trial.number],
            "score": trial.score,
            "weights": hash_weights(store.model_file(root, trial)) if trial.model else None,
        }
        for trial in store.read_study(root, study).trials
    ]
