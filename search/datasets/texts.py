"""Texts in memory, as every source gives them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from tracking.commandline.errors import UserError
from tracking.commandline.formatting import plain

MAX_TEXT_BYTES = 1 << 20  # the longest review of IMDB has 14 kB


@dataclass(frozen=True)
class Texts:
    """One part of a data set.

    Attributes:
        groups: what must not be torn apart by a split (the movie), or None where nothing is known.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    groups: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def select(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Texts:
        """Keep these rows: their numbers, or a mask over all."""
        numbers: list[int] = (np.flatnonzero(rows) if rows.dtype == bool else rows).tolist()
        return Texts(
            [self.texts[i] for i in numbers],
            [self.labels[i] for i in numbers],
            None if self.groups is None else [self.groups[i] for i in numbers],
        )

    def sample(self, n: int, seed: int) -> Texts:
        """Keep about n rows, each class in its share and at least 20 of each, in their order."""
        generator = np.random.default_rng(seed)
        labels = np.array(self.labels)
        kept: list[int] = []
        for count_of, count in sorted(Counter(self.labels).items()):
            wanted = min(count, max(20, round(n * count / len(self))))
            of_class = np.flatnonzero(labels == count_of)
            kept.extend(generator.choice(of_class, size=wanted, replace=False))
        return self.select(np.sort(np.array(kept)))

    def hashes(self) -> list[bytes]:
        """SHA-256 of each label and text."""
        return [
            hashlib.sha256(f"{label}\0{text}".encode("utf-8", "surrogatepass")).digest()
            for label, text in zip(self.labels, self.texts, strict=True)
        ]


@dataclass(frozen=True)
class Parts:
    """A data set as its source divides it; validation or test may be missing.

    Attributes:
        unlabelled: texts without a label, to learn words from; empty where there are none.
        columns: how the columns of a table are called, by what they hold; "none" is no column.
        left_out: rows of a table that are of no use, counted by the reason.
    """

    train: Texts
    validation: Texts | None = None
    test: Texts | None = None
    unlabelled: Sequence[str] = ()
    columns: Mapping[str, str] = field(default_factory=dict, compare=False)
    left_out: Mapping[str, int] = field(default_factory=dict, compare=False)


def in_order(labels: Iterable[str]) -> list[str]:
    """Sort labels: numbers by their value, before words.

    >>> in_order({"10", "9", "bad"})
    ['9', '10', 'bad']
    """

    def key(label: str) -> tuple[float, str]:
        try:
            number = float(label)
        except ValueError:
            number = inf
        return (inf if isnan(number) else number, label)

    return sorted(labels, key=key)


def keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Number each text by the first 64 bits of its SHA-256, shape (n_texts,)."""
    digests = [
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8] for text in texts
    ]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def check(parts: Parts, source: str) -> None:
    """Refuse texts that nothing can be learnt from, or that a split cannot divide."""
    for name, part in (("validation", parts.validation), ("test", parts.test)):
        if part is None:
            continue
        strange = sorted(set(part.labels) - set(parts.train.labels))
        if strange:
            raise UserError(
                f"{source}: the {name} part has labels that train lacks: {', '.join(strange)}."
            )
    counts = Counter(parts.train.labels)
    if len(counts) < 2:
        raise UserError(
            f"a classifier needs at least 2 classes, but {source} has {len(counts)}: "
            f"{', '.join(counts) or 'no rows at all'}."
        )
    label, n = min(counts.items(), key=lambda item: item[1])
    if n < 5:
        few = sum(one < 5 for one in counts.values())
        others = f" {few:,} of its {len(counts):,} classes have less." if few > 1 else ""
        raise UserError(
            f"each class needs at least 5 texts, but {source} has {n} of {plain(label)!r}.{others}"
        )
