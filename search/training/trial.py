"""One trial, from a prepared data set to a score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from search.datasets import UNLABELLED
from search.datasets.batches import Labelled, clip, with_teacher
from search.datasets.cache import Dataset
from search.datasets.tokenizer import FIRST_WORD, decode, preparation
from search.models import builder
from search.models.ngrams import NgramNumbers
from search.training import metrics
from search.training.checkpoint import open_checkpoint
from search.training.failures import TrialFailed
from search.training.fit import FirstRung, predict, train
from spaces.families import find
from spaces.ranges import Params, take
from spaces.text import VECTORS
from spaces.training import TEACHER
from tracking.records import EpochRecord, MistakeRecord, RungRecord, ScoreRecord

_N_MISTAKES = 10
_MISTAKE_WORDS = 300
_SPREAD = 0.3  # standard deviation of the numbers that an embedding begins with


@dataclass(frozen=True)
class Evaluation:
    """A trained model and its numbers, both of the same epoch.

    Attributes:
        model: ids of shape (batch, length) -> probabilities.
        probabilities: of the validation texts, float32 array of shape (n_texts, n_classes).
    """

    score: ScoreRecord
    model: keras.Model
    probabilities: NDArray[np.float32]


def evaluate(
    params: Params,
    family: str,
    data: Dataset,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    on_model: Callable[[keras.Model], None] = lambda model: None,
    *,
    on_rung: Callable[[RungRecord], None] = lambda rung: None,
    first_rung: float | None = None,
    checkpoint: Path | None = None,
) -> Evaluation:
    """Train on the training part, score on validation. Same inputs and seed, same result.

    It does not know that it is being tuned: call it from a notebook with any values.

    Args:
        on_model: is given the model before it is trained.
        on_rung: is given how the model does after a share `first_rung` of the training texts.
        checkpoint: a file that is written after an epoch, and continued from where it is there.

    Raises:
        TrialFailed: if these values cannot be trained.
    """
    text = preparation(params)
    epochs: list[EpochRecord] = []

    def collect(epoch: EpochRecord) -> None:
        epochs.append(epoch)
        on_epoch(epoch)

    set_seed(seed)
    with memory_limited(params):
        training, validation = (encoded(data, part, **text) for part in ("train", "validation"))
        vectors = first_vectors(params, data)
        model = build(params, family, len(data.classes), training, vectors)
        on_model(model)
        evaluations = [FirstRung(first_rung, validation, on_rung)] if first_rung else []
        best_epoch = train(
            model,
            taught(training, params, data),
            validation,
            seed=seed,
            on_epoch=collect,
            callbacks=evaluations,
            checkpoint=open_checkpoint(checkpoint, params, family, data, seed, "train"),
            **fit_values(params),
        )
        probabilities = predict(model, validation)
        scored = _score(model, probabilities, data, validation, epochs[best_epoch - 1])
        return Evaluation(scored, model, probabilities)


def build(
    params: Params,
    family: str,
    n_classes: int,
    training: Labelled,
    vectors: NDArray[np.float32] | None = None,
) -> keras.Model:
    """Build a family's model and have it count what it must before it is trained.

    Args:
        vectors: of the words, the most frequent first, which its embedding begins with; None
            leaves it to begin at random.
    """
    n_tokens = preparation(params)["vocab_size"]
    model = untrained(params, family, n_classes)
    for layer in model.layers:
        if isinstance(layer, NgramNumbers):
            layer.adapt(training.rows, training.labels, n_classes)
    if vectors is not None:
        _begin_with(vectors, model, n_tokens)
    return model


def untrained(params: Params, family: str, n_classes: int) -> keras.Model:
    """Build a family's model, which knows nothing of the texts yet."""
    text = preparation(params)
    masked = text["padding"] == "bucket"
    whole = find(family).takes_params
    values = {"params": params} if whole else take(params, family)
    model: keras.Model = builder(family)(
        text["vocab_size"], text["maxlen"], n_classes, masked, **values
    )
    return model


def _begin_with(vectors: NDArray[np.float32], model: keras.Model, n_tokens: int) -> None:
    """Put these vectors into the embedding; words without one keep their random values.

    Numbers have the same spread whatever the vectors come from. It was the best of those tried.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding) and layer.input_dim == n_tokens:
            (table,) = layer.get_weights()
            words = vectors[: n_tokens - FIRST_WORD, : layer.output_dim]
            known = words.any(axis=1)
            place = table[FIRST_WORD : FIRST_WORD + len(words), : words.shape[1]]
            place[known] = words[known] * (_SPREAD / words[known].std())
            layer.set_weights([table])
            return
    raise TrialFailed(f"text.vectors needs an embedding of {n_tokens} words, but there is none")


def first_vectors(params: Params, data: Dataset) -> NDArray[np.float32] | None:
    """Return what a trial's embedding begins with, shape (n_words, dim); None is at random."""
    value = params.get(VECTORS, "random")  # not in records made before there was a choice
    return None if value == "random" else data.array(f"{VECTORS}={value}")


def fit_values(params: Params) -> dict[str, Any]:
    """Take out of a trial's values those of `search.training.fit.train`, as keywords."""
    values: dict[str, Any] = take(params, "train")
    return {name: value for name, value in values.items() if not name.startswith("teacher")}


def taught(training: Labelled, params: Params, data: Dataset) -> Labelled:
    """Add the unlabelled texts with the labels of the trial's teacher, if it has one."""
    value = params.get(TEACHER, "none")
    if value == "none":
        return training
    unlabelled = encoded(data, UNLABELLED, **preparation(params))
    n_drawn = round(float(params["train.teacher_strength"]) * len(training.rows))
    return with_teacher(training, unlabelled.rows, data.array(f"{TEACHER}={value}"), n_drawn)


def set_seed(seed: int) -> None:
    """From here on, equal values give equal numbers."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


@contextmanager
def memory_limited(params: Params) -> Iterator[None]:
    """Running out of memory is the values' fault."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise TrialFailed(f"out of memory with {dict(params)}") from error


def encoded(
    data: Dataset, part: str, *, vocab_size: int, maxlen: int, truncating: str, padding: str
) -> Labelled:
    """Clip a part of the data to a trial's vocabulary and length.

    Unlabelled texts get the label 0, for nothing but to stand there.
    """
    rows = clip(data.tokens(part), vocab_size=vocab_size, maxlen=maxlen, truncating=truncating)
    labels = np.zeros(len(rows), np.int32) if part == UNLABELLED else data.labels(part)
    return Labelled(rows, labels, pad_to=maxlen if padding == "full" else None)


def _score(
    model: keras.Model,
    probabilities: NDArray[np.float32],
    data: Dataset,
    validation: Labelled,
    best: EpochRecord,
) -> ScoreRecord:
    accuracy = metrics.accuracy(probabilities, validation.labels)
    low, high = metrics.wilson(accuracy, len(validation.labels))
    return ScoreRecord(
        best_epoch=best.epoch,
        val_accuracy=accuracy,
        low=low,
        high=high,
        val_loss=metrics.log_loss(probabilities, validation.labels),
        train_accuracy=best.train_accuracy,
        n_parameters=sum(math.prod(weights.shape) for weights in model.trainable_weights),
        confusion=metrics.confusion(probabilities, validation.labels),
        val_auc=metrics.auc(probabilities, validation.labels),
        mistakes=mistakes(probabilities, data),
    )


def mistakes(probabilities: NDArray[np.floating], data: Dataset) -> tuple[MistakeRecord, ...]:
    """Return the validation texts that were labelled wrongly with the most confidence."""
    labels, rows, vocabulary = data.labels("validation"), data.tokens("validation"), None
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    found = []
    for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:_N_MISTAKES]:
        vocabulary = vocabulary or data.vocabulary()
        words = decode(rows[int(row)][:_MISTAKE_WORDS], vocabulary)
        found.append(
            MistakeRecord(
                text=" ".join(words),
                label=data.classes[labels[row]],
                predicted=data.classes[predicted[row]],
                probability=float(confidence[row]),
            )
        )
    return tuple(found)
