"""Text to token ids, for model.onnx: standard library only, a copy of it lies in each bundle.

import numpy, onnxruntime
from encoder import Encoder

ids = numpy.array(Encoder.load("BUNDLE")(["A wonderful film."]), "int32")
onnxruntime.InferenceSession("BUNDLE/model.onnx").run(["probabilities"], {"ids": ids})
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

VOCABULARY, SETTINGS = "vocabulary.txt", "encoder.json"

# 0 padding, 1 start, 2 out of vocabulary, 3 unused, and 4 the most frequent word.
PADDING, START, OUT_OF_VOCABULARY, FIRST_WORD = 0, 1, 2, 4
SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n\0'
_TO_SPACE = str.maketrans(dict.fromkeys(SEPARATORS, " "))


def words(text: str) -> list[str]:
    """Split a text into lower-case words; only a space parts them, and each separator is one."""
    return [word for word in text.lower().translate(_TO_SPACE).split(" ") if word]


class Encoder:
    """Map texts to the ids that the model was trained on.

    Args:
        vocabulary: the words in use; word i has id i + 4.
        maxlen: tokens of a text at most.
        truncating: "pre" drops the beginning of a longer text, "post" its end.
        padding: "bucket" pads behind to the longest text, "full" in front to `maxlen`.
    """

    def __init__(
        self, vocabulary: Iterable[str], *, maxlen: int, truncating: str, padding: str
    ) -> None:
        self._ids = {word: id_ for id_, word in enumerate(vocabulary, start=FIRST_WORD)}
        self._maxlen = maxlen
        self._truncating = truncating
        self._padding = padding

    @classmethod
    def load(cls, folder: str | Path) -> Encoder:
        """Read vocabulary.txt and encoder.json from a bundle's folder."""
        settings = json.loads((Path(folder) / SETTINGS).read_text("utf-8"))
        # As bytes: a word can hold a carriage return, which reading as text would turn around.
        vocabulary = (Path(folder) / VOCABULARY).read_bytes().decode("utf-8").split("\n")
        return cls(vocabulary, **settings)

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, after the start token, without padding."""
        return [self._row(text) for text in texts]

    def pad(self, rows: Sequence[list[int]]) -> list[list[int]]:
        """Make the rows equally long."""
        if self._padding == "full":
            return [[PADDING] * (self._maxlen - len(row)) + row for row in rows]
        width = max((len(row) for row in rows), default=0)
        return [row + [PADDING] * (width - len(row)) for row in rows]

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of a batch of texts, all rows equally long."""
        return self.pad(self.rows(texts))

    def _row(self, text: str) -> list[int]:
        ids = [START, *(self._ids.get(word, OUT_OF_VOCABULARY) for word in words(text))]
        return ids[-self._maxlen :] if self._truncating == "pre" else ids[: self._maxlen]
