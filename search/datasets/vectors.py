"""Word vectors counted in texts: no label is looked at, and no text that is held out.

Words that stand among the same words get vectors that are near to each other: co-occurrence in a
window, positive pointwise mutual information, truncated singular value decomposition (Levy,
Goldberg & Dagan 2015, Improving Distributional Similarity with Lessons Learned from Word
Embeddings, TACL).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from search.datasets.batches import Ragged
from search.datasets.tokenizer import FIRST_WORD

FORMAT = 1  # a change of the numbers needs a new one
_WINDOW = 5  # words to each side
_SMOOTHING = 0.75  # exponent of a neighbour's frequency: rare words count for less
_ITERATIONS = 2  # of the randomised SVD
_SEED = 0


def count_vectors(parts: Sequence[Ragged], n_words: int, dim: int) -> NDArray[np.float32]:
    """Count a vector for each of the most frequent words.

    Args:
        parts: rows of token ids of the full vocabulary.

    Returns:
        shape (n_words, dim), or with fewer columns where there are fewer words. The columns come
        by falling importance: the first d are the vectors of d numbers. A row of a word that
        stands beside no other is zero.
    """
    from sklearn.utils.extmath import randomized_svd

    weights = _positive_information(_neighbours(parts, n_words))
    left, values, _ = randomized_svd(
        weights, min(dim, n_words), n_iter=_ITERATIONS, random_state=_SEED
    )
    vectors: NDArray[np.float32] = (left * np.sqrt(values)).astype(np.float32)
    return vectors


def _neighbours(parts: Sequence[Ragged], n_words: int) -> csr_matrix:
    """Count how often two words stand in one window: shape (n_words, n_words), symmetric."""
    shape = (n_words, n_words)
    total = csr_matrix(shape, dtype=np.float32)
    for rows in parts:
        words = np.asarray(rows.tokens) - FIRST_WORD
        row_of = np.repeat(np.arange(len(rows), dtype=np.int32), rows.lengths)
        is_known = (words >= 0) & (words < n_words)
        for distance in range(1, min(_WINDOW, len(words) - 1) + 1):
            first, second = slice(None, -distance), slice(distance, None)
            pairs = is_known[first] & is_known[second] & (row_of[first] == row_of[second])
            places = words[first][pairs], words[second][pairs]
            once = np.ones(len(places[0]), np.float32)
            total = total + coo_matrix((once, places), shape=shape).tocsr()  # which adds them up
    return total + total.T


def _positive_information(counts: csr_matrix) -> csr_matrix:
    """Weight each pair by its positive pointwise mutual information."""
    pairs = counts.tocoo()
    of_word = np.asarray(counts.sum(axis=1), np.float64).ravel()
    of_neighbour = of_word**_SMOOTHING
    expected = of_word[pairs.row] * of_neighbour[pairs.col] / of_neighbour.sum()
    information = np.log(pairs.data / expected)
    kept = information > 0
    weights = information[kept].astype(np.float32)
    return csr_matrix((weights, (pairs.row[kept], pairs.col[kept])), shape=counts.shape)
