"""Data sets with texts that have no label, and with what is learned from texts before a trial."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.datasets import UNLABELLED
from search.datasets.cache import ARRAYS, Dataset
from tracking.records import ArrayRecord


def with_unlabelled(data: Dataset, folder: Path) -> Dataset:
    """Copy a data set to a folder, its validation texts once more without their labels.

    That would be wrong anywhere but in a test.
    """
    shutil.copytree(data.folder, folder, ignore=shutil.ignore_patterns(ARRAYS))
    for what in ("tokens", "offsets", "keys"):
        shutil.copy(folder / f"validation.{what}.npy", folder / f"{UNLABELLED}.{what}.npy")
    n_texts = {**data.n_texts, UNLABELLED: data.n_texts["validation"]}
    return replace(data, folder=folder, n_texts=n_texts)


def with_array(data: Dataset, key: str, array: NDArray[np.float32]) -> Dataset:
    """Have a data set come with an array, as search/arrays.py leaves it."""
    digest = hashlib.sha256(array.tobytes()).hexdigest()[:16]
    (data.folder / ARRAYS).mkdir(exist_ok=True)
    np.save(data.folder / ARRAYS / f"{digest}.npy", array)
    record = ArrayRecord(f"{digest}.npy", digest, "a test", {"share": 0.5})
    return replace(data, arrays={**data.arrays, key: record})


def any_vectors(data: Dataset, dim: int = 16) -> NDArray[np.float32]:
    """Vectors of all words of a data set, drawn at random."""
    shape = (len(data.vocabulary()), dim)
    return np.random.default_rng(0).normal(0, 7, shape).astype(np.float32)


def any_labels(data: Dataset) -> NDArray[np.float32]:
    """What a teacher might say of the unlabelled texts."""
    share = np.random.default_rng(0).uniform(0.05, 0.95, data.n_texts[UNLABELLED])
    return np.stack([1 - share, share], axis=1).astype(np.float32)
