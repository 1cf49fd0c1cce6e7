"""EncodeText against the Python encoder that the model was trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.datasets.batches import Labelled, clip, pack
from search.datasets.tokenizer import FIRST_WORD, encode, fit_vocabulary, index
from search.models.text_layer import EncodeText, with_text
from search.system.keras_backend import keras, tf

# Known differences: TensorFlow's ICU does not know the capitals that came with Unicode 14, which
# Python 3.11 lowers: one of Glagolitic, four of Latin, and Vithkuqi.
VITHKUQI = {chr(code) for code in range(0x10570, 0x10596)} - {*"\U0001057b\U0001058b\U00010593"}
LOWERED_OTHERWISE = {*"\u2c2f\ua7c0\ua7d0\ua7d6\ua7d8", *VITHKUQI}

CHARACTERS = st.characters(
    exclude_categories=["Cs"], exclude_characters="".join(sorted(LOWERED_OTHERWISE))
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=30), min_size=1, max_size=4)
TRUNCATING = pytest.mark.parametrize("truncating", ["pre", "post"])
PADDING = pytest.mark.parametrize("padding", ["bucket", "full"])
VOCABULARY = ["the", "film", "don't", "été", "a\u00a0b"]


def python_ids(
    texts: list[str], vocabulary: list[str], maxlen: int, truncating: str, padding: str
) -> list[list[int]]:
    """Encode, clip and pad in one batch as for training, in the order of the texts."""
    rows = pack([encode(text, index(vocabulary)) for text in texts])
    rows = clip(rows, vocab_size=1 << 30, maxlen=maxlen, truncating=truncating)
    labels = np.arange(len(texts), dtype=np.int32)
    data = Labelled(rows, labels, pad_to=maxlen if padding == "full" else None)
    ((ids, order),) = data.by_length(len(texts))
    return ids[np.argsort(order)].tolist()


def layer_ids(
    texts: list[str], vocabulary: list[str], maxlen: int, truncating: str, padding: str
) -> list[list[int]]:
    layer = EncodeText(vocabulary, maxlen, truncating, padding)
    ids = layer(tf.constant(texts))
    assert ids.dtype == tf.int32
    return ids.numpy().tolist()


@TRUNCATING
@PADDING
@settings(max_examples=40, deadline=None)
@given(texts=TEXTS)
def test_any_text_gets_the_ids_of_the_python_encoder(
    texts: list[str], truncating: str, padding: str
) -> None:
    vocabulary = fit_vocabulary(texts)[:6] or ["the"]
    expected = python_ids(texts, vocabulary, 5, truncating, padding)
    assert layer_ids(texts, vocabulary, 5, truncating, padding) == expected


@TRUNCATING
@PADDING
def test_tricky_texts_get_the_ids_of_the_python_encoder(truncating: str, padding: str) -> None:
    texts = [
        "",
        "...",
        "The FILM",
        "don't\tDON'T\nfilm",
        "ÉTÉ, été",
        "a\u00a0b a b",
        "<br />the<br />film",
        "tab\there",
        "the " * 20,
        "[^\\]-_`{|}~ film",
        "next\x85line film",
    ]
    expected = python_ids(texts, VOCABULARY, 6, truncating, padding)
    assert layer_ids(texts, VOCABULARY, 6, truncating, padding) == expected


def test_every_character_but_the_known_ones_is_lowered_as_python_does() -> None:
    surrogates = range(0xD800, 0xE000)
    characters = [chr(code) for code in range(0x110000) if code not in surrogates]
    lowered = tf.strings.lower(tf.constant(characters), encoding="utf-8").numpy()
    differ = {
        character
        for character, other in zip(characters, lowered, strict=True)
        if character.lower() != other.decode("utf-8")
    }
    # A lone NUL ends the text for TensorFlow; the layer has replaced it before.
    assert differ - {"\0"} == LOWERED_OTHERWISE


def tiny_model(masked: bool) -> keras.Model:
    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 3, mask_zero=masked)(ids)
    pooled = keras.layers.GlobalAveragePooling1D()(vectors)
    return keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(pooled), name="tiny")


@PADDING
def test_a_model_with_text_gives_what_it_gives_for_the_ids(padding: str) -> None:
    texts = ["The film", "don't", "the the the film unheard-of words film"]
    model = tiny_model(padding == "bucket")
    whole = with_text(model, VOCABULARY, vocab_size=7, maxlen=5, truncating="pre", padding=padding)
    used = VOCABULARY[: 7 - FIRST_WORD]
    ids = np.array(python_ids(texts, used, 5, "pre", padding))
    np.testing.assert_allclose(whole(tf.constant(texts)), model(ids), atol=1e-7)


def test_a_word_beyond_the_vocabulary_size_is_unknown_to_the_model() -> None:
    whole = with_text(
        tiny_model(True), VOCABULARY, vocab_size=6, maxlen=5, truncating="pre", padding="bucket"
    )
    known, beyond, unheard = whole(tf.constant(["film", "don't", "zebra"])).numpy()
    assert beyond == unheard
    assert known != unheard


@PADDING
@TRUNCATING
def test_a_model_with_text_is_saved_and_loaded_in_safe_mode(
    tmp_path: Path, padding: str, truncating: str
) -> None:
    whole = with_text(
        tiny_model(padding == "bucket"),
        VOCABULARY,
        vocab_size=9,
        maxlen=3,
        truncating=truncating,
        padding=padding,
    )
    texts = tf.constant(["The film", "don't the film été", ""])
    whole.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(texts), whole(texts))
    config = loaded.get_layer("encode").get_config()
    assert (config["maxlen"], config["truncating"], config["padding"]) == (3, truncating, padding)


def test_text_may_come_as_a_column() -> None:
    layer = EncodeText(VOCABULARY, 4, "pre", "bucket")
    column = layer(tf.constant([["the film"], ["the"]]))
    assert column.numpy().tolist() == [[1, 4, 5], [1, 4, 0]]
