"""A teacher is fitted on the training part alone, or is a finished model. It labels texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from search.bundles.formats import keras_file
from search.datasets import UNLABELLED
from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.models.text_layer import with_text
from search.system.keras_backend import keras
from search.training import checkpoint
from search.training.fit import predict
from search.training.own_families import define
from search.training.trial import encoded, evaluate
from search.workers.tasks import TeacherResult, TeacherTask
from search.workers.teaching import teach
from spaces.families import FAMILIES, space_of
from spaces.ranges import Value, defaults
from spaces.training import PLAIN
from tests.learned import any_labels, with_array, with_unlabelled
from tests.own_family import OWN_FAMILY
from tracking.records import EpochRecord, SourceRecord

PARAMS: dict[str, Value] = {
    **defaults(space_of("nbsvm")),
    **PLAIN,
    "text.vocab_size": 500,
    "train.epochs": 4,
    "train.batch_size": 16,
    "nbsvm.max_ngrams": 5_000,
}


@pytest.fixture
def data(tiny_dataset: Dataset, tmp_path: Path) -> Dataset:
    return with_unlabelled(tiny_dataset, tmp_path / "data")


def quiet(epoch: EpochRecord) -> None:
    """Say nothing."""


def labels_of(
    data: Dataset, folder: Path, on_epoch: Callable[[EpochRecord], None] = quiet, **changes: Any
) -> tuple[NDArray[np.float32], TeacherResult]:
    keras.backend.clear_session()
    folder.mkdir(exist_ok=True)
    task = replace(TeacherTask(PARAMS, "nbsvm", data, 0, folder), **changes)
    taught = teach(task, on_epoch)
    return np.load(task.predictions), taught


def test_a_teacher_sees_neither_validation_texts_nor_their_labels(
    data: Dataset, tmp_path: Path
) -> None:
    before, taught = labels_of(data, tmp_path / "before")
    for what in ("tokens", "offsets", "keys"):
        shutil.copy(data.folder / f"train.{what}.npy", data.folder / f"validation.{what}.npy")
    np.save(data.folder / "validation.labels.npy", 1 - data.labels("train"))
    after, judged = labels_of(data, tmp_path / "after")
    np.testing.assert_array_equal(before, after)
    assert judged.val_accuracy < 0.2 < 0.5 < taught.val_accuracy  # they only judge it
    np.save(data.folder / "train.labels.npy", 1 - data.labels("train"))
    turned, _ = labels_of(data, tmp_path / "turned")
    assert np.corrcoef(before[:, 1], turned[:, 1])[0, 1] < -0.9


def test_a_teacher_is_never_certain(data: Dataset, tmp_path: Path) -> None:
    labels, _ = labels_of(data, tmp_path / "folder")
    assert labels.shape == (data.n_texts[UNLABELLED], 2)
    assert labels.dtype == np.float32
    assert labels.min() > 0
    assert labels.max() < 1


def test_a_teacher_that_was_stopped_goes_on_to_the_same_labels(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    whole, _ = labels_of(data, tmp_path / "whole")
    trained = []

    def stop(epoch: EpochRecord) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        labels_of(data, tmp_path / "stopped", stop)
    continued, _ = labels_of(data, tmp_path / "stopped", lambda epoch: trained.append(epoch.epoch))
    assert trained == [1, 2, 3, 4]
    np.testing.assert_array_equal(continued, whole)


def test_a_finished_model_labels_as_it_predicts(data: Dataset, tmp_path: Path) -> None:
    done = evaluate(PARAMS, "nbsvm", data, 1, quiet)
    text = preparation(PARAMS)
    with_text(done.model, data.vocabulary(), **text).save(tmp_path / "model.keras")
    expected = predict(done.model, encoded(data, UNLABELLED, **text))
    labels, taught = labels_of(data, tmp_path / "folder", file=tmp_path / "model.keras")
    np.testing.assert_allclose(labels, expected, atol=2e-6)
    assert taught.val_accuracy == done.score.val_accuracy


@pytest.mark.parametrize("family", ["nbsvm", "cnn"])
def test_a_model_that_had_a_teacher_can_be_loaded(
    family: str, data: Dataset, tmp_path: Path
) -> None:
    data = with_array(data, "train.teacher=nbsvm", any_labels(data))
    params = {**defaults(space_of(family)), "train.teacher": "nbsvm", "train.epochs": 1}
    params |= {"text.vocab_size": 500, "text.maxlen": 20}
    done = evaluate(params, family, data, 1, quiet)
    with_text(done.model, data.vocabulary(), **preparation(params)).save(tmp_path / "model.keras")
    loaded = keras_file.load(tmp_path / "model.keras").layers[-1]
    validation = encoded(data, "validation", **preparation(params))
    np.testing.assert_allclose(predict(loaded, validation), done.probabilities, atol=1e-6)


def test_a_family_of_a_persons_own_teaches_fitted_or_finished(
    data: Dataset, tmp_path: Path
) -> None:
    source = SourceRecord("mine.py", OWN_FAMILY, families=("own",))
    define(source)
    params = {**defaults(space_of("own")), "text.vocab_size": 500, "train.epochs": 1}
    own = {"params": params, "family": "own", "source": source}
    fitted, _ = labels_of(data, tmp_path / "fitted", **own)
    assert fitted.shape == (data.n_texts[UNLABELLED], 2)
    done = evaluate(params, "own", data, 1, quiet)
    file = tmp_path / "model.keras"
    with_text(done.model, data.vocabulary(), **preparation(params)).save(file)
    _, taught = labels_of(data, tmp_path / "finished", **own, file=file)
    assert taught.val_accuracy == done.score.val_accuracy
    del FAMILIES["own"]
