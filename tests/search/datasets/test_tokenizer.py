"""Words, vocabulary and token ids."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.datasets.texts import Parts
from search.datasets.tokenizer import (
    FIRST_WORD,
    OUT_OF_VOCABULARY,
    PADDING,
    SEPARATORS,
    START,
    decode,
    encode,
    fit_vocabulary,
    index,
    words,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
WORDS = st.text("abcdé'0", min_size=1, max_size=4)

# The most frequent words of the training reviews, in the order of Keras' IMDB word index.
KERAS_TOP = """
the and a of to is br in it i this that was as for with movie but film on not you are his have
he be one all at by an they who so from like her or just about it's out has if some there what
good more when very up no time she even my would which only story really see their had can were
me well than we much been bad get will do also into people other first great because how him
most don't made its then way make them too could any movies after
"""


@pytest.fixture(scope="module")
def official_vocabulary(official_parts: Parts) -> list[str]:
    return fit_vocabulary(official_parts.train.texts)


def test_the_reserved_ids_are_those_of_keras() -> None:
    assert (PADDING, START, OUT_OF_VOCABULARY, FIRST_WORD) == (0, 1, 2, 4)


def test_the_apostrophe_stays_and_markup_leaves_br() -> None:
    text = "Don't <br />MISS it -- well-made!"
    assert words(text) == ["don't", "br", "miss", "it", "well", "made"]


def test_tabs_and_line_ends_separate_but_a_no_break_space_does_not() -> None:
    assert words("a\tb\nc\u00a0d") == ["a", "b", "c\u00a0d"]


@pytest.mark.parametrize("text", ["", " ", "...!?", "\n\t"])
def test_a_text_without_words_has_none(text: str) -> None:
    assert words(text) == []
    assert encode(text, {}).tolist() == [START]


@given(TEXTS)
def test_words_are_lower_case_and_hold_no_separator(text: str) -> None:
    for word in words(text):
        assert word
        assert word == word.lower()
        assert not set(word) & {*SEPARATORS, " "}


@given(TEXTS)
def test_words_keep_every_character_that_is_no_separator(text: str) -> None:
    kept = "".join(c for c in text.lower() if c not in SEPARATORS and c != " ")
    assert "".join(words(text)) == kept


@given(st.lists(WORDS), st.sampled_from([" ", ", ", "\n", ' "', "..."]))
def test_words_undoes_a_join_with_separators(originals: list[str], separator: str) -> None:
    assert words(separator.join(originals)) == originals


@given(st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=8))
def test_a_vocabulary_falls_by_frequency_and_then_follows_the_alphabet(texts: list[str]) -> None:
    counts = Counter(word for text in texts for word in words(text))
    vocabulary = fit_vocabulary(texts)
    assert sorted(vocabulary) == sorted(counts)
    ranks = [(-counts[word], word) for word in vocabulary]
    assert ranks == sorted(ranks)


@given(st.lists(TEXTS, max_size=6))
def test_a_vocabulary_does_not_depend_on_the_order_of_the_texts(texts: list[str]) -> None:
    assert fit_vocabulary(texts) == fit_vocabulary(texts[::-1])


def test_the_first_word_has_id_four() -> None:
    assert index(["the", "and", "a"]) == {"the": 4, "and": 5, "a": 6}


@given(TEXTS)
def test_decoding_what_was_encoded_gives_the_words_back(text: str) -> None:
    vocabulary = fit_vocabulary([text])
    tokens = encode(text, index(vocabulary))
    assert tokens.dtype == np.int32
    assert tokens[0] == START
    assert decode(tokens, vocabulary) == words(text)


@given(TEXTS, st.integers(0, 5))
def test_an_unknown_word_is_two_and_reads_oov(text: str, known: int) -> None:
    vocabulary = fit_vocabulary([text])[:known]
    tokens = encode(text, index(vocabulary))
    expected = [word if word in vocabulary else "<oov>" for word in words(text)]
    assert decode(tokens, vocabulary) == expected
    unknown = [word == "<oov>" for word in expected]
    assert (tokens[1:] == OUT_OF_VOCABULARY).tolist() == unknown


def test_padding_vanishes_when_decoded() -> None:
    assert decode([PADDING, PADDING, START, 5, 2, 4, PADDING], ["the", "film"]) == [
        "film",
        "<oov>",
        "the",
    ]


def test_the_official_reviews_get_the_ids_that_keras_gives(
    official_vocabulary: list[str],
) -> None:
    ids = index(official_vocabulary)
    expected = {"the": 4, "and": 5, "a": 6, "of": 7, "to": 8, "is": 9, "br": 10, "film": 22}
    assert {word: ids[word] for word in expected} == expected
    keras_top = KERAS_TOP.split()
    assert len(keras_top) >= 100
    assert official_vocabulary[: len(keras_top)] == keras_top


def test_a_real_review_survives_the_way_to_ids_and_back(
    official_parts: Parts, official_vocabulary: list[str]
) -> None:
    ids = index(official_vocabulary)
    for review in official_parts.train.texts[::500]:
        tokens = encode(review, ids)
        assert OUT_OF_VOCABULARY not in tokens
        assert decode(tokens, official_vocabulary) == words(review)
