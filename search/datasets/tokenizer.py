"""Words, vocabulary and token ids.

Ids as in Keras' IMDB data set: 0 padding, 1 start, 2 out of vocabulary, 3 unused, and 4 the most
frequent word. Words are what Keras' `Tokenizer` makes of a text with its default arguments, so the
same reviews get the same ids as in the tutorials.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.ranges import Params

PADDING, START, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2, 4

# Keras' Tokenizer replaces these with a space; the apostrophe stays, so "don't" is one word. NUL
# is ours: TensorFlow's string functions would end the text there.
SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n\0'
_TO_SPACE = str.maketrans(dict.fromkeys(SEPARATORS, " "))


def preparation(params: Params) -> dict[str, Any]:
    """Take out of a trial's values how its texts become token ids, as keywords."""
    names = ("vocab_size", "maxlen", "truncating", "padding")
    return {name: params[f"text.{name}"] for name in names}


def words(text: str) -> list[str]:
    """Split a text into lower-case words.

    >>> words("Don't <br />MISS it!")
    ["don't", 'br', 'miss', 'it']
    """
    # Split at spaces only: str.split() would also split at U+0085 and U+00A0, which Keras keeps.
    return [word for word in text.lower().translate(_TO_SPACE).split(" ") if word]


def fit_vocabulary(texts: Iterable[str]) -> list[str]:
    """List the words of the texts by falling frequency, equals by the alphabet.

    Word i has id i + 4.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words(text))
    return [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def index(vocabulary: Sequence[str]) -> dict[str, int]:
    """Map each word to its id."""
    return {word: id_ for id_, word in enumerate(vocabulary, start=FIRST_WORD)}


def encode(text: str, ids: Mapping[str, int]) -> NDArray[np.int32]:
    """Map a text to the ids of its words, after the start token.

    Returns:
        int32 array of shape (1 + n_words,).
    """
    found = [ids.get(word, OUT_OF_VOCABULARY) for word in words(text)]
    return np.array([START, *found], dtype=np.int32)


def decode(tokens: Sequence[int] | NDArray[np.int32], vocabulary: Sequence[str]) -> list[str]:
    """Map ids back to words; padding and start vanish, an unknown word reads `<oov>`."""
    return [
        vocabulary[token - FIRST_WORD] if token >= FIRST_WORD else "<oov>"
        for token in tokens
        if token not in (PADDING, START)
    ]
