"""A model that takes raw text: the text preparation as a layer in front of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from search.datasets.tokenizer import FIRST_WORD, OUT_OF_VOCABULARY, SEPARATORS, START

_SEPARATOR = "[" + "".join(f"\\x{ord(character):02x}" for character in SEPARATORS) + "]"


@keras.saving.register_keras_serializable(package="seqsearch")
class EncodeText(keras.layers.Layer):  # type: ignore[misc]
    """Map texts to token ids, exactly as tokenizer.py and batches.py in search/datasets do.

    Args:
        vocabulary: the words in use; word i has id i + 4.
        padding: "bucket" pads behind to the longest text, "full" in front to `maxlen`.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        maxlen: int,
        truncating: str,
        padding: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=False, dtype="int32", **kwargs)
        self.vocabulary = list(vocabulary)
        self.maxlen = maxlen
        self.truncating = truncating
        self.padding = padding
        # Index 0 is out of vocabulary, 1 the first word.
        self._lookup = keras.layers.StringLookup(vocabulary=self.vocabulary, mask_token=None)

    def build(self, texts_shape: tuple[int | None, ...]) -> None:
        """Nothing to build: the vocabulary came with the constructor."""

    def call(self, texts: Any) -> Any:
        """Map strings of shape (batch,) to int32 ids of shape (batch, length)."""
        spaced = tf.strings.regex_replace(tf.reshape(texts, [-1]), _SEPARATOR, " ")
        words = tf.strings.split(tf.strings.lower(spaced, encoding="utf-8"), sep=" ")
        words = tf.ragged.boolean_mask(words, words != "")
        ids = tf.ragged.map_flat_values(self._ids, words)
        start = tf.fill([tf.shape(spaced)[0], 1], START)
        ids = tf.concat([tf.RaggedTensor.from_tensor(start), ids], axis=1)
        ids = ids[:, -self.maxlen :] if self.truncating == "pre" else ids[:, : self.maxlen]
        if self.padding == "bucket":
            return ids.to_tensor()
        return tf.reverse(ids[:, ::-1].to_tensor(shape=(None, self.maxlen)), axis=[1])

    def _ids(self, words: Any) -> Any:
        found = tf.cast(self._lookup(words), tf.int32)
        return tf.where(found == 0, OUT_OF_VOCABULARY, found + FIRST_WORD - 1)

    def compute_output_spec(self, texts: Any) -> Any:
        return keras.KerasTensor((texts.shape[0], None), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "maxlen": self.maxlen,
            "truncating": self.truncating,
            "padding": self.padding,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> EncodeText:
        return cls(**{key: config[key] for key in config if key not in ("trainable", "dtype")})


def with_text(
    model: keras.Model,
    vocabulary: Sequence[str],
    *,
    vocab_size: int,
    maxlen: int,
    truncating: str,
    padding: str,
) -> keras.Model:
    """Put the text preparation in front: strings of shape (batch,) -> probabilities.

    Args:
        vocabulary: all words of the training part; the first `vocab_size - 4` are used.
    """
    text = keras.Input((), dtype="string", name="text")
    words = vocabulary[: vocab_size - FIRST_WORD]
    ids = EncodeText(words, maxlen, truncating, padding, name="encode")(text)
    # Without optimizer and loss, which prediction does not need.
    plain = keras.Model(model.inputs, model.outputs, name=model.name)
    return keras.Model(text, plain(ids), name=f"{model.name}_from_text")
