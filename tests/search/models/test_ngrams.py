"""N-grams of token ids: which get a number, where they are, what naive Bayes makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from search.datasets.batches import Ragged, pack
from search.models.ngrams import NaiveBayesNgrams, NgramNumbers
from search.system.keras_backend import keras
from spaces.ranges import Int
from spaces.text import TEXT


def rows(*texts: list[int]) -> Ragged:
    return pack([np.array(text, dtype=np.int32) for text in texts])


def adapted(texts: Ragged, *, order: int, max_ngrams: int) -> NgramNumbers:
    layer = NgramNumbers(order, max_ngrams)
    layer.build((None, None))
    layer.adapt(texts, np.zeros(len(texts), np.int32), 2)
    return layer


def found(layer: NgramNumbers, text: list[int]) -> list[int]:
    numbers: NDArray[np.int32] = np.asarray(layer(np.array([text], dtype=np.int32)))[0]
    return numbers.tolist()


def test_words_pairs_and_triples_get_a_number_each_and_only_those_that_were_seen() -> None:
    layer = adapted(rows([1, 5, 7], [5, 7]), order=3, max_ngrams=50)
    words, pairs, triples = np.split(np.array(found(layer, [1, 5, 7])), 3)
    assert len({*words, *pairs[:2], triples[0]}) == 6
    assert min(*words, *pairs[:2], triples[0]) > 0
    assert [pairs[2], *triples[1:]] == [0, 0, 0]  # nothing follows the last word
    assert found(layer, [7, 5])[2:] == [0] * 4  # this pair was never seen
    assert found(layer, [5, 7])[:3] == [words[1], words[2], pairs[1]]


def test_an_ngram_never_reaches_into_the_next_text() -> None:
    layer = adapted(rows([5, 6], [7, 8]), order=2, max_ngrams=50)
    assert found(layer, [6, 7])[2:] == [0, 0]


def test_padding_on_either_side_makes_no_ngrams() -> None:
    layer = adapted(rows([5, 6, 7]), order=2, max_ngrams=50)
    plain = [number for number in found(layer, [5, 6, 7]) if number]
    for padded in ([5, 6, 7, 0, 0], [0, 0, 5, 6, 7]):
        assert [number for number in found(layer, padded) if number] == plain


def test_the_ngrams_of_the_most_texts_get_a_number() -> None:
    """Five is in three texts; nine is said most often, but in one text."""
    layer = adapted(rows([5, 6], [5, 6], [5, 9, 9, 9, 9]), order=1, max_ngrams=2)
    assert [bool(number) for number in found(layer, [5, 6, 9])] == [True, True, False]


def test_the_largest_ids_of_the_space_do_not_collide() -> None:
    vocab_size = TEXT["text.vocab_size"]
    assert isinstance(vocab_size, Int)
    top = vocab_size.high - 1
    layer = adapted(rows([top, top, top], [top - 1, top, top - 1]), order=3, max_ngrams=50)
    numbers = [*found(layer, [top, top, top]), *found(layer, [top - 1, top, top - 1])]
    real = [number for number in numbers if number]
    assert len(set(real)) == 2 + 3 + 2


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ratios_are_those_of_wang_and_manning(n_classes: int) -> None:
    texts = rows([5, 6, 6], [5, 7], [6, 7], [5, 5])
    labels = np.array([0, 1, 0, n_classes - 1], dtype=np.int32)
    n_columns = 1 if n_classes == 2 else n_classes
    layer = NaiveBayesNgrams(order=1, max_ngrams=10, n_columns=n_columns, smoothing=1.0)
    layer.build((None, None))
    layer.adapt(texts, labels, n_classes)
    has = np.array([[w in texts[row] for w in (5, 6, 7)] for row in range(4)])
    ratios = np.asarray(layer.ratios)
    for column, of_class in enumerate(range(n_classes)[-n_columns:]):
        p = 1.0 + has[labels == of_class].sum(axis=0)
        q = n_classes - 1.0 + has[labels != of_class].sum(axis=0)
        expected = np.log((p / p.sum()) / (q / q.sum()))
        np.testing.assert_allclose(ratios[1:4, column], expected, atol=1e-6)
    assert not ratios[0].any()
    assert not ratios[4:].any()


def test_an_ngram_counts_once_a_text() -> None:
    layer = NaiveBayesNgrams(order=1, max_ngrams=10, n_columns=1, smoothing=1.0)
    layer.build((None, None))
    layer.adapt(rows([5, 6], [6, 7]), np.array([1, 0], dtype=np.int32), 2)
    layer.scales.assign(np.ones(layer.scales.shape))
    once, often = (np.asarray(layer(np.array([ids]))) for ids in ([5, 6], [5, 6, 5, 6, 5]))
    np.testing.assert_allclose(often, once, atol=1e-6)


def test_the_numbers_survive_saving(tmp_path: object) -> None:
    ids = keras.Input((None,), dtype="int32")
    layer = NgramNumbers(2, 50)
    model = keras.Model(ids, layer(ids))
    layer.adapt(rows([5, 6, 7]), np.zeros(1, np.int32), 2)
    model.save(f"{tmp_path}/model.keras")
    loaded = keras.saving.load_model(f"{tmp_path}/model.keras", safe_mode=True)
    text = np.array([[5, 6, 7]])
    np.testing.assert_array_equal(loaded(text), model(text))
