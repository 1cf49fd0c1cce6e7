"""Fast batches: token ids as a ragged array, clipped for a trial, bucketed by length.

A padded batch costs as much as its longest review. Reviews of like length go into one batch,
so that little is computed for padding: an LSTM epoch takes less than half the time
(tests/benchmarks/epoch_speed.py), and the masked padding leaves each prediction as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.datasets.tokenizer import OUT_OF_VOCABULARY, PADDING

# Rows are sorted by length within pools of this many batches. A length counts 1 % more or less by
# chance, so that each epoch puts other rows together, even where one pool holds them all.
_BATCHES_SORTED_TOGETHER = 100
_JITTER = 0.01


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, one after another.

    Attributes:
        tokens: int32 array of shape (n_tokens,).
        offsets: int64 array of shape (n_rows + 1,); row i is tokens[offsets[i]:offsets[i + 1]].
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64 array of shape (n_rows,)."""
        return np.diff(self.offsets)


def pack(rows: list[NDArray[np.int32]]) -> Ragged:
    """Put rows one after another."""
    offsets = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    tokens = np.concatenate(rows) if rows else np.empty(0, np.int32)
    return Ragged(tokens.astype(np.int32, copy=False), offsets)


def chain(*parts: Ragged) -> Ragged:
    """Put the rows of several arrays one after another."""
    lengths = np.concatenate([part.lengths for part in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Ragged(np.concatenate([part.tokens for part in parts]), offsets)


def clip(rows: Ragged, *, vocab_size: int, maxlen: int, truncating: str) -> Ragged:
    """Keep `maxlen` tokens of each row and the ids below `vocab_size`; others become 2.

    Args:
        truncating: "pre" drops the beginning of a longer row, "post" its end.
    """
    lengths = np.minimum(rows.lengths, maxlen)
    starts = rows.offsets[1:] - lengths if truncating == "pre" else rows.offsets[:-1]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # Position k of the result comes from position k - offsets[row] of its row.
    source = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    tokens = rows.tokens[source]
    return Ragged(np.where(tokens < vocab_size, tokens, np.int32(OUT_OF_VOCABULARY)), offsets)


@dataclass(frozen=True)
class Labelled:
    """Rows with their classes, to be cut into batches.

    Attributes:
        labels: int32 array of shape (n_rows,), class numbers from 0.
        pad_to: None pads behind, to the longest row of a batch; a number pads in front to it.
    """

    rows: Ragged
    labels: NDArray[Any]
    pad_to: int | None = None

    @property
    def n_per_epoch(self) -> int:
        """How many rows an epoch has."""
        return len(self.rows)

    def epoch(
        self, batch_size: int, seed: tuple[int, ...]
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[Any]]]:
        """Return each row once, in batches mixed by the seed: tokens (batch, length), labels."""
        generator = np.random.default_rng(seed)
        order = self._mixed(generator)
        if self.pad_to is None:
            order = self._sort_in_pools(order, batch_size, generator)
        for start in generator.permutation(range(0, len(order), batch_size)):
            chosen = order[start : start + batch_size]
            yield self._pad(chosen), self.labels[chosen]

    def by_length(self, batch_size: int) -> Iterator[tuple[NDArray[np.int32], NDArray[Any]]]:
        """Return every row once, the shortest first: tokens (batch, length), labels (batch,)."""
        order = self.order_by_length
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            yield self._pad(chosen), self.labels[chosen]

    def select(self, chosen: NDArray[np.int64]) -> Labelled:
        """Keep these rows, by their numbers and in their order."""
        rows = pack([self.rows[row] for row in chosen])
        return Labelled(rows, self.labels[chosen], self.pad_to)

    @property
    def order_by_length(self) -> NDArray[np.int64]:
        """Row numbers in the order of `by_length`."""
        return np.argsort(self.rows.lengths, kind="stable")

    def _mixed(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """Return the row numbers of an epoch in random order."""
        return generator.permutation(len(self.rows))

    def _sort_in_pools(
        self, order: NDArray[np.int64], batch_size: int, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        jitter = generator.uniform(1 - _JITTER, 1 + _JITTER, len(self.rows))
        lengths = self.rows.lengths * jitter
        pool = batch_size * _BATCHES_SORTED_TOGETHER
        pools = [order[start : start + pool] for start in range(0, len(order), pool)]
        return np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in pools])

    def _pad(self, chosen: NDArray[np.int64]) -> NDArray[np.int32]:
        rows = [self.rows[row] for row in chosen]
        width = self.pad_to or max(len(row) for row in rows)
        padded = np.full((len(rows), width), PADDING, dtype=np.int32)
        for line, row in zip(padded, rows, strict=True):
            if self.pad_to is None:
                line[: len(row)] = row
            else:
                line[width - len(row) :] = row
        return padded


@dataclass(frozen=True)
class Taught(Labelled):
    """Rows with labels of their own, and behind them rows with a teacher's.

    Attributes:
        labels: float32 array of shape (n_rows, n_classes), probabilities: 0 or 1 where a label is
            a row's own; a teacher's lie between.
        n_labelled: how many rows have labels of their own.
        n_drawn: how many of the others an epoch has, drawn anew each time.
    """

    n_labelled: int = 0
    n_drawn: int = 0

    @property
    def n_per_epoch(self) -> int:
        return self.n_labelled + self.n_drawn

    def _mixed(self, generator: np.random.Generator) -> NDArray[np.int64]:
        order = super()._mixed(generator)
        is_taught = order >= self.n_labelled
        return order[~is_taught | (np.cumsum(is_taught) <= self.n_drawn)]


def with_teacher(
    own: Labelled, rows: Ragged, probabilities: NDArray[np.float32], n_drawn: int
) -> Taught:
    """Add rows with a teacher's labels.

    Args:
        probabilities: of these rows, shape (n_rows, n_classes).
        n_drawn: how many of them an epoch has, at most.
    """
    labels = np.concatenate([one_hot(own.labels, probabilities.shape[1]), probabilities])
    n_drawn = min(n_drawn, len(rows))
    return Taught(chain(own.rows, rows), labels, own.pad_to, len(own.rows), n_drawn)


def one_hot(labels: NDArray[np.int32], n_classes: int) -> NDArray[np.float32]:
    """Write class numbers as probabilities, shape (n_rows, n_classes)."""
    return np.eye(n_classes, dtype=np.float32)[labels]


def join(first: Labelled, second: Labelled) -> Labelled:
    """Put the rows of two parts one after another."""
    labels = np.concatenate([first.labels, second.labels])
    return Labelled(chain(first.rows, second.rows), labels, first.pad_to)
