"""A trained model in three lines.

from search.bundles.classifier import load

model = load("best")  # a bundle, or models:/imdb-sentiment@champion
model.predict(["A wonderful film."])
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search.bundles import bundle, formats
from search.bundles.formats.encoder import words
from search.system.own_code import refuse_untrusted
from search.system.reading import LARGEST_TEXT, read
from tracking.commandline.errors import UserError
from tracking.commandline.paths import home
from tracking.models import source_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracking.records import SourceRecord

_BATCH = 256
_UNKNOWN = "\ue000"  # a word of private use: no text has it, so no vocabulary


@dataclass(frozen=True)
class Prediction:
    """What a model says of a text.

    Attributes:
        probabilities: of each class.
    """

    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class WordEffect:
    """A word of a text, and what it did.

    Attributes:
        place: of the word among the text's words, from 0.
        change: of the label's probability because the word stands there; negative speaks against.
    """

    word: str
    place: int
    change: float


@dataclass(frozen=True)
class Explanation:
    """Which words moved the score of a text, the strongest first."""

    label: str
    probability: float
    words: tuple[WordEffect, ...]


class Classifier:
    """A model of raw text in memory, from `load`.

    Attributes:
        classes: label names.
        format: the one that was opened.
    """

    def __init__(
        self,
        classes: Sequence[str],
        params: Mapping[str, Any],
        format: str,
        folder: Path,
        source: SourceRecord | None = None,
    ) -> None:
        self.classes = tuple(classes)
        self.format = format
        self._maxlen = int(params["text.maxlen"])
        self._truncating = params["text.truncating"]
        self._score = formats.open_score(format, folder, source)
        n_classes = self._score([""]).shape[1:]
        if n_classes != (len(self.classes),):
            raise UserError(
                f"{folder} names {len(self.classes)} classes, but its model ({format}) "
                f"gives probabilities of the shape {n_classes} for a text."
            )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Label texts.

        Raises:
            UserError: if what was given is not a list of texts.
        """
        return [
            Prediction(self.classes[int(row.argmax())], self._named(row))
            for row in self.probabilities(texts)
        ]

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score texts.

        Returns:
            float32 array of shape (n_texts, n_classes), columns as in `classes`.

        Raises:
            UserError: if what was given is not a list of texts.
        """
        given = list(_checked(texts))
        scores = np.empty((len(given), len(self.classes)), np.float32)
        # Texts of like length together: a batch costs as much as its longest.
        order = np.argsort([len(text) for text in given], kind="stable")
        for start in range(0, len(given), _BATCH):
            chosen = order[start : start + _BATCH]
            scores[chosen] = self._score([given[row] for row in chosen])
        return scores

    def explain(self, text: str) -> Explanation:
        """Say which words moved the score: each is replaced by an unknown one, and scored again.

        Only words that the model reads are tried: at most `text.maxlen` of them.
        """
        (given,) = _checked([text])
        own = words(given)
        n_read = self._maxlen - 1 if self._truncating == "post" else self._maxlen
        first = max(0, len(own) - n_read) if self._truncating == "pre" else 0
        places = range(first, min(len(own), first + n_read))
        without = (" ".join([*own[:at], _UNKNOWN, *own[at + 1 :]]) for at in places)
        (row,) = self.probabilities([given])
        label = int(row.argmax())
        changes = [row[label] - score for score in self._scores_of(without, label)]
        effects = [
            WordEffect(own[at], at, float(change))
            for at, change in zip(places, changes, strict=True)
        ]
        effects.sort(key=lambda effect: -abs(effect.change))
        return Explanation(self.classes[label], float(row[label]), tuple(effects))

    def _named(self, row: NDArray[np.float32]) -> dict[str, float]:
        return {name: float(p) for name, p in zip(self.classes, row, strict=True)}

    def _scores_of(self, texts: Iterator[str], label: int) -> Iterator[float]:
        """Score many long texts without holding all of them."""
        batch: list[str] = []
        for text in texts:
            batch.append(text)
            if len(batch) == _BATCH:
                yield from self.probabilities(batch)[:, label]
                batch = []
        yield from self.probabilities(batch)[:, label]


def load(model: str | Path, format: str | None = None, *, trust_code: bool = False) -> Classifier:
    """Load a bundle's folder, or a model of MLflow: `models:/NAME@ALIAS`, `models:/m-...`.

    Args:
        format: keras, saved_model or onnx; None takes the one that the bundle recommends.
        trust_code: lets code run that the model holds, because its family is none of ours.

    Raises:
        UserError: if there is no such model, it lacks the format, or it is not as it was exported.
    """
    if str(model).startswith("models:/"):
        from tracking.models import registry

        return open_folder(registry.fetch(home(), str(model)), format, trust_code)
    folder = Path(model)
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(model)!r}.")
    return open_folder(folder, format, trust_code)


def open_folder(folder: Path, format: str | None = None, trust_code: bool = False) -> Classifier:
    """Open a bundle; or the model that a trial keeps in MLflow, which is a Keras file."""
    if (folder / "classes.json").is_file() and not (folder / bundle.MANIFEST).is_file():
        classes: Sequence[str] = _classes(folder / "classes.json")
        params: Mapping[str, Any] = _text_params(folder)
        known: tuple[str, ...] = ("keras",)
    else:
        manifest = bundle.read(folder)  # before anything is loaded
        classes, params, known = manifest.classes, manifest.params, manifest.formats
    chosen = format or known[0]
    if chosen not in known:
        raise UserError(f"{folder} has no format {chosen!r}. It has: {', '.join(known)}.")
    source = source_files.read(folder)
    refuse_untrusted(source, str(folder), trust_code)
    return Classifier(classes, params, chosen, folder, source)


def _classes(file: Path) -> list[str]:
    """Read the names of the classes that lie beside a trial's kept model."""
    try:
        found = json.loads(read(file, LARGEST_TEXT))
        if bundle.are_classes(found):
            return list(found)
        got = f"it has {bundle.short(found)}"
    except (OSError, ValueError, RecursionError) as error:
        got = str(error) or type(error).__name__
    raise UserError(f"{file} must be a list of two names or more, each once, but {got}.")


def _text_params(folder: Path) -> dict[str, Any]:
    """Read from a Keras file how it prepares a text."""
    from search.bundles.formats import keras_file
    from search.models import keras_loading

    return keras_loading.text_params(folder / keras_file.FILE)


def _checked(texts: Sequence[str]) -> Iterator[str]:
    """Return texts that every format takes."""
    if isinstance(texts, str):
        raise UserError("a list of texts is needed, but got one text; put it into a list.")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"a text is a string, but number {place} is {bundle.short(text)}.")
        # Half a surrogate pair, as JSON can hold one, is no character of any text.
        yield text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
