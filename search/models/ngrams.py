"""N-grams of token ids: those in the most training texts get a number each, the rest none."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.datasets.batches import Ragged

# Three ids of 17 bits fit into a key of 64; spaces/text.py keeps the vocabulary below 2**17.
BITS = 17
NO_KEY = np.iinfo(np.int64).max


@keras.saving.register_keras_serializable(package="seqsearch")
class NgramNumbers(keras.layers.Layer):  # type: ignore[misc]
    """Map token ids to the numbers of the n-grams in them, 0 where there is none.

    `adapt` must see the training texts first, as with Keras' own layers that learn by counting.

    Args:
        order: words of the longest n-gram, at most 3.
        max_ngrams: how many n-grams get a number: those in the most training texts.
    """

    def __init__(self, order: int, max_ngrams: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order
        self.max_ngrams = max_ngrams
        self.supports_masking = True

    def build(self, ids_shape: tuple[int | None, ...]) -> None:
        """Make room for the keys, in rising order."""
        self.keys = self.add_weight(
            shape=(self.max_ngrams,),
            dtype="int64",
            initializer=keras.initializers.Constant(NO_KEY),
            trainable=False,
            name="keys",
        )

    def adapt(self, rows: Ragged, labels: NDArray[np.int32], n_classes: int) -> None:
        """Choose the n-grams; labels count for nothing here."""
        self._choose(_distinct(rows, self.order)[0])

    def _choose(self, keys: NDArray[np.int64]) -> None:
        keys, n_texts = np.unique(keys, return_counts=True)
        commonest = np.argsort(-n_texts, kind="stable")[: self.max_ngrams]
        chosen = np.full(self.max_ngrams, NO_KEY)
        chosen[: len(commonest)] = np.sort(keys[commonest])
        self.keys.assign(chosen)

    def call(self, ids: Any, mask: Any = None) -> Any:
        """Map (batch, length) to int32 (batch, order * length); padding has no n-grams."""
        ops = keras.ops
        words = ops.cast(ids, "int64")
        length = ops.shape(words)[1]
        found, key, real = [], words, words > 0
        for n in range(1, self.order + 1):
            if n > 1:
                following = ops.pad(words, [[0, 0], [0, n - 1]])[:, n - 1 : n - 1 + length]
                key = ops.left_shift(key, BITS) + following
                real = ops.logical_and(real, following > 0)
            found.append(ops.where(real, key, NO_KEY))
        return self._numbers(ops.concatenate(found, axis=1))

    def _numbers(self, keys: Any) -> Any:
        ops = keras.ops
        flat = ops.reshape(keys, (-1,))
        place = ops.cast(ops.searchsorted(self.keys, flat), "int32")
        place = ops.minimum(place, self.max_ngrams - 1)
        known = ops.logical_and(ops.take(self.keys, place) == flat, flat != NO_KEY)
        return ops.reshape(ops.where(known, place + 1, 0), ops.shape(keys))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], None if shape[1] is None else self.order * shape[1]

    def compute_output_spec(self, ids: Any, mask: Any = None) -> Any:
        return keras.KerasTensor(self.compute_output_shape(ids.shape), dtype="int32")

    def compute_mask(self, ids: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order, "max_ngrams": self.max_ngrams}


@keras.saving.register_keras_serializable(package="seqsearch")
class NaiveBayesNgrams(NgramNumbers):
    """Sum the log-count ratios of a text's n-grams, each times a weight that is trained.

    Each n-gram counts once a text. Wang & Manning 2012, Baselines and Bigrams, ACL.

    Args:
        n_columns: one ratio an n-gram for two classes, one for each class for more.
        smoothing: added to each n-gram's count of texts.
    """

    def __init__(self, n_columns: int, smoothing: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_columns = n_columns
        self.smoothing = smoothing

    def build(self, ids_shape: tuple[int | None, ...]) -> None:
        """Make room for the ratios, zero until `adapt`, and for the weights."""
        super().build(ids_shape)
        shape = (self.max_ngrams + 1, self.n_columns)
        self.ratios = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name="ratios"
        )
        self.scales = self.add_weight(shape=shape, initializer="zeros", name="scales")

    def adapt(self, rows: Ragged, labels: NDArray[np.int32], n_classes: int) -> None:
        """Choose the n-grams and count in how many texts of each class they are."""
        keys, texts = _distinct(rows, self.order)
        self._choose(keys)
        known = np.asarray(self.keys)
        known = known[known != NO_KEY]
        place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        there = known[place] == keys
        place, classes = place[there], labels[texts[there]]
        counts = [np.bincount(place[classes == c], minlength=len(known)) for c in range(n_classes)]
        of_class = np.stack(counts, axis=1) + self.smoothing
        of_others = of_class.sum(axis=1, keepdims=True) - of_class
        # Share of the n-gram among those of a class, over its share among those of the others.
        ratio = np.log(of_class / of_class.sum(axis=0)) - np.log(of_others / of_others.sum(axis=0))
        ratios = np.zeros(self.ratios.shape, np.float32)
        ratios[1 : len(known) + 1] = ratio[:, -self.n_columns :]
        self.ratios.assign(ratios)

    def call(self, ids: Any, mask: Any = None) -> Any:
        """Map (batch, length) to the sums (batch, n_columns)."""
        ops = keras.ops
        numbers = ops.sort(super().call(ids), axis=1)
        again = ops.pad(numbers[:, 1:] == numbers[:, :-1], [[0, 0], [1, 0]])
        once = ops.where(again, 0, numbers)
        ratios, scales = (ops.take(table, once, axis=0) for table in (self.ratios, self.scales))
        return ops.sum(ratios * scales, axis=1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape[0], self.n_columns

    def compute_output_spec(self, ids: Any, mask: Any = None) -> Any:
        return keras.KerasTensor(self.compute_output_shape(ids.shape), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        own = {"n_columns": self.n_columns, "smoothing": self.smoothing}
        return {**super().get_config(), **own}


def _distinct(rows: Ragged, order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the n-grams of each row, each once.

    Returns:
        keys and row numbers, int64 arrays of shape (n_distinct,).
    """
    words = rows.tokens.astype(np.int64)
    row_of = np.repeat(np.arange(len(rows)), rows.lengths)
    keys, owners = [words], [row_of]
    for n in range(2, order + 1):
        key = keys[-1][: len(words) - n + 1] << BITS
        inside = row_of[: len(words) - n + 1] == row_of[n - 1 :]
        keys.append(key + words[n - 1 :])
        owners.append(np.where(inside, row_of[n - 1 :], -1))
    key, owner = np.concatenate(keys), np.concatenate(owners)
    key, owner = key[owner >= 0], owner[owner >= 0]
    place = np.lexsort((key, owner))
    key, owner = key[place], owner[place]
    first = np.ones(len(key), dtype=bool)
    first[1:] = (key[1:] != key[:-1]) | (owner[1:] != owner[:-1])
    return key[first], owner[first]
