"""Hold out a part of the texts: by group, stratified by label, duplicates on one side."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from search.datasets.texts import Texts
from tracking.commandline.errors import UserError

# One split for all studies, so that their numbers can be compared; never the study's own seed.
SEED = 0
_PARTS = 5  # one of five is held out: 5,000 of the 25,000 training reviews


def hold_out(part: Texts, source: str, seed: int = SEED) -> NDArray[np.bool_]:
    """Choose about a fifth of the texts.

    Texts of one group (a movie) stay together, and so do equal texts, whatever their group:
    otherwise validation would be easier than test (96 % of the reviews of a random validation
    part share their movie with the training part).

    Returns:
        bool array of shape (n_texts,), True where held out.
    """
    clusters = _clusters(part)
    by = _by_group if part.groups else _by_text
    held_out = by(part, clusters, seed)
    _check_classes(part, held_out, source)
    return held_out


def digest(held_out: Texts) -> str:
    """Name a split by what it holds out, whatever the order: 16 hexadecimal digits."""
    return hashlib.sha256(b"".join(sorted(held_out.hashes()))).hexdigest()[:16]


def _clusters(part: Texts) -> NDArray[np.int64]:
    """Number the texts so that equal texts, and texts of one group, share a number."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(part)
    _, text = np.unique(np.array(part.texts, dtype=object), return_inverse=True)
    if part.groups is None:
        return np.asarray(text, dtype=np.int64)
    _, group = np.unique(np.array(part.groups, dtype=object), return_inverse=True)
    n_texts, n_groups = int(text.max()) + 1, int(group.max()) + 1
    size = n_texts + n_groups
    links = coo_matrix((np.ones(n), (text, n_texts + group)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[text], dtype=np.int64)


def _by_group(part: Texts, clusters: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    from sklearn.model_selection import StratifiedGroupKFold

    if len(np.unique(clusters)) < _PARTS:
        raise UserError(f"a split by group needs at least {_PARTS} unconnected groups.")
    folds = StratifiedGroupKFold(n_splits=_PARTS, shuffle=True, random_state=seed)
    _, rows = next(folds.split(clusters, part.labels, clusters))
    return np.isin(np.arange(len(part)), rows)


def _by_text(part: Texts, clusters: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Split distinct texts at random. (Grouping 25,000 groups of one would take far longer.)"""
    from sklearn.model_selection import train_test_split

    distinct, first = np.unique(clusters, return_index=True)
    labels = np.array(part.labels, dtype=object)[first]
    if min(np.unique(labels, return_counts=True)[1]) < 2:
        raise UserError("each class needs at least 2 distinct texts to be split.")
    _, chosen = train_test_split(
        distinct,
        test_size=max(1 / _PARTS, len(set(labels)) / len(distinct)),
        stratify=labels,
        random_state=seed,
    )
    return np.isin(clusters, chosen)


def _check_classes(part: Texts, held_out: NDArray[np.bool_], source: str) -> None:
    labels = np.array(part.labels, dtype=object)
    for name, side in (("held out", held_out), ("left to train on", ~held_out)):
        missing = sorted(set(labels) - set(labels[side]))
        if missing:
            raise UserError(
                f"{source} cannot be split so that each class is on both sides: "
                f"no text of {', '.join(missing)} is {name}. More texts or groups are needed."
            )
