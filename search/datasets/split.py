"""Hold out a part of the texts: by group, stratified by label, duplicates on one side."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from search.datasets.texts import Texts
from tracking.commandline.errors import UserError

# One split for all studies, so that their numbers can be compared; never the study's own seed.
SEED = 0
SHARE = 0.2  # 5,000 of the 25,000 training reviews
_MOST_FOLDS = 20  # of which some are held out together


def hold_out(
    part: Texts, source: str, seed: int = SEED, share: float = SHARE
) -> NDArray[np.bool_]:
    """Choose about this share of the texts.

    Texts of one group (a movie) stay together, and so do equal texts, whatever their group:
    otherwise validation would be easier than test (96 % of the reviews of a random validation
    part share their movie with the training part).

    Returns:
        bool array of shape (n_texts,), True where held out.
    """
    clusters = _clusters(part)
    by = _by_group if part.groups else _by_text
    try:
        held_out = by(part, clusters, seed, share)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
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


def _by_group(
    part: Texts, clusters: NDArray[np.int64], seed: int, share: float
) -> NDArray[np.bool_]:
    from sklearn.model_selection import StratifiedGroupKFold

    wanted = Fraction(share).limit_denominator(_MOST_FOLDS)
    if len(np.unique(clusters)) < wanted.denominator:
        raise UserError(
            f"a split by group needs at least {wanted.denominator} unconnected groups. "
            "--group-column none splits text by text."
        )
    folds = StratifiedGroupKFold(
        n_splits=wanted.denominator, shuffle=True, random_state=seed
    ).split(clusters, part.labels, clusters)
    rows = [rows for _, (_, rows) in zip(range(wanted.numerator), folds, strict=False)]
    return np.isin(np.arange(len(part)), np.concatenate(rows))


def _by_text(
    part: Texts, clusters: NDArray[np.int64], seed: int, share: float
) -> NDArray[np.bool_]:
    """Split distinct texts at random. (Grouping 25,000 groups of one would take far longer.)"""
    from sklearn.model_selection import train_test_split

    distinct, first = np.unique(clusters, return_index=True)
    labels = np.array(part.labels, dtype=object)[first]
    if min(np.unique(labels, return_counts=True)[1]) < 2:
        raise UserError("each class needs at least 2 distinct texts to be split.")
    _, chosen = train_test_split(
        distinct,
        test_size=max(share, len(set(labels)) / len(distinct)),
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
