"""Several trained models of raw text as one: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from search.datasets.tokenizer import FIRST_WORD, OUT_OF_VOCABULARY, PADDING
from search.models.text_layer import with_text


@keras.saving.register_keras_serializable(package="seqsearch")
class ClipIds(keras.layers.Layer):  # type: ignore[misc]
    """Make of ids those that a model of fewer words or shorter texts was trained on.

    As `search.datasets.batches.clip` does, and then `Labelled` for the padding.

    Args:
        vocab_size: ids from here on become the unknown word.
        maxlen: ids of a text that are kept.
        truncating: "pre" keeps its end, "post" its beginning.
        padding: "bucket" pads behind, "full" in front to `maxlen`.
    """

    def __init__(
        self, vocab_size: int, maxlen: int, truncating: str, padding: str, **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, dtype="int32", **kwargs)
        self.vocab_size = vocab_size
        self.maxlen = maxlen
        self.truncating = truncating
        self.padding = padding

    def call(self, ids: Any) -> Any:
        """Clip int32 ids of shape (batch, length), padded behind."""
        backwards = _backwards(ids if self.truncating == "pre" else ids[:, : self.maxlen])
        backwards = backwards[:, : self.maxlen]
        known = tf.where(backwards < self.vocab_size, backwards, OUT_OF_VOCABULARY)
        if self.padding == "bucket":
            return _backwards(known)
        missing = self.maxlen - tf.shape(known)[1]
        return tf.reverse(tf.pad(known, [[0, 0], [0, missing]]), axis=[1])

    def compute_output_spec(self, ids: Any) -> Any:
        length = self.maxlen if self.padding == "full" else None
        return keras.KerasTensor((ids.shape[0], length), dtype="int32")

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("vocab_size", "maxlen")}
        return {
            **super().get_config(),
            **own,
            "truncating": self.truncating,
            "padding": self.padding,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ClipIds:
        return cls(**{key: config[key] for key in config if key not in ("trainable", "dtype")})


def _backwards(ids: Any) -> Any:
    """Turn the ids of each row around and leave its padding behind."""
    lengths = tf.reduce_sum(tf.cast(ids != PADDING, tf.int32), axis=1)
    return tf.reverse_sequence(ids, lengths, seq_axis=1, batch_axis=0)


def blend(members: Mapping[int, keras.Model], picks: Sequence[int]) -> keras.Model:
    """Make one model of raw text of several.

    Args:
        members: models of raw text by the number of their trial, of one data set.
        picks: numbers of `members`; one that stands there twice counts twice.
    """
    texts = {number: model.get_layer("encode") for number, model in members.items()}
    longest = max(texts.values(), key=lambda text: len(text.vocabulary))
    maxlen = max(text.maxlen for text in texts.values())
    (truncating,) = {text.truncating for text in texts.values()}
    ids = keras.Input((None,), dtype="int32", name="ids")
    given = {}
    for number, model in members.items():
        text = texts[number]
        clipped = ClipIds(
            len(text.vocabulary) + FIRST_WORD,
            text.maxlen,
            truncating,
            text.padding,
            name=f"ids_{number}",
        )(ids)
        inner = model.layers[-1]
        of_ids = keras.Model(inner.inputs, inner.outputs[0], name=f"trial_{number}")
        given[number] = of_ids(clipped)
    mean = keras.layers.Average()([given[number] for number in picks])
    return with_text(
        keras.Model(ids, mean, name="ensemble"),
        longest.vocabulary,
        vocab_size=len(longest.vocabulary) + FIRST_WORD,
        maxlen=maxlen,
        truncating=truncating,
        padding="bucket",
    )
