"""Vectors that are counted: words among the same words are near to each other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from search.datasets.batches import Ragged, pack
from search.datasets.tokenizer import FIRST_WORD, OUT_OF_VOCABULARY, START
from search.datasets.vectors import count_vectors

GOOD, FINE, BAD, AWFUL, FILM, LONELY = range(6)


def rows(*texts: tuple[int, ...]) -> Ragged:
    """Texts of word numbers, as the cache has them."""
    return pack([np.array([START, *(w + FIRST_WORD for w in t)], np.int32) for t in texts])


def corpus(n: int = 200) -> Ragged:
    """Two words praise among some words, two blame among others; one word is always alone."""
    generator = np.random.default_rng(0)
    texts = []
    for _ in range(n):
        praise = int(generator.integers(2))
        words = generator.integers(6 + 20 * praise, 26 + 20 * praise, 6).tolist()
        words.insert(3, int(generator.choice([GOOD, FINE] if praise else [BAD, AWFUL])))
        texts.append((*words, FILM))
    return rows(*texts, (LONELY,))


def near(vectors: NDArray[np.float32], one: int, other: int) -> float:
    first, second = vectors[one], vectors[other]
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_words_with_the_same_neighbours_are_near_to_each_other() -> None:
    vectors = count_vectors([corpus()], 46, 8)
    assert vectors.shape == (46, 8)
    assert vectors.dtype == np.float32
    for one, same, other in ((GOOD, FINE, BAD), (BAD, AWFUL, FINE)):
        assert near(vectors, one, same) > near(vectors, one, other) + 0.3


def test_a_word_that_stands_beside_no_other_has_no_vector() -> None:
    vectors = count_vectors([corpus()], 46, 8)
    np.testing.assert_allclose(vectors[LONELY], 0, atol=1e-6)


def test_columns_come_by_importance_so_that_the_first_do_for_fewer_numbers() -> None:
    vectors = count_vectors([corpus()], 46, 16)
    spread = np.linalg.norm(vectors, axis=0)
    assert list(spread) == sorted(spread, reverse=True)
    few = count_vectors([corpus()], 46, 4)
    np.testing.assert_allclose(np.abs(vectors[:, :2]), np.abs(few[:, :2]), rtol=0.1, atol=0.05)


def test_equal_texts_give_equal_vectors_to_the_last_bit() -> None:
    one, other = (count_vectors([corpus()], 46, 8).tobytes() for _ in range(2))
    assert one == other


def test_parts_count_together() -> None:
    half = Ragged(corpus().tokens, corpus().offsets)
    together = count_vectors([half, rows((LONELY, GOOD))], 46, 8)
    assert np.abs(together[LONELY]).max() > 0.01


def test_words_of_two_texts_are_no_neighbours_nor_are_distant_ones() -> None:
    apart = rows((0, 1), (2, 3), (4, *([OUT_OF_VOCABULARY - FIRST_WORD] * 5), 5))
    vectors = count_vectors([apart], 6, 6)
    assert near(vectors, 0, 2) == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(vectors[4:], 0, atol=1e-6)  # six words lie between them


def test_rarer_words_are_left_out_and_few_words_have_few_numbers() -> None:
    assert count_vectors([corpus()], 20, 8).shape == (20, 8)
    assert count_vectors([rows((0, 1, 2))], 3, 8).shape == (3, 3)
