"""What is learned from the texts before any trial: made once, of nothing that is held out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.arrays import attach, attach_recorded, needed, refuse_teacher, without_teacher
from search.datasets import cache, table
from search.datasets.cache import Dataset
from search.datasets.texts import Parts
from spaces.studies import STUDIES
from tests.builders import build_data, build_study, build_trial
from tests.plans import DROPOUT
from tracking.commandline.errors import UserError
from tracking.records import SourceRecord

COUNTED, TEACHER, FILE = "text.vectors=counted", "train.teacher=nbsvm", "text.vectors=file"
LSTM = DROPOUT
N_UNLABELLED = 60
Load = Callable[..., Dataset]


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def load(tiny_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Prepare the tiny reviews, 60 of them without a label, in a cache of their own.

    What it is given changes the parts before they are prepared.
    """
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "cache"))
    rows = pd.read_csv(tiny_csv)
    rows["split"] = [
        "validation" if n % 5 == 0 else "test" if n % 5 == 1 else "train" for n in range(len(rows))
    ]
    unlabelled = [
        f"{one} {two}" for one, two in zip(rows["text"], rows["text"][::-1], strict=True)
    ]
    read = table.read

    def load(change: Callable[[Parts], Parts] = nothing_else) -> Dataset:
        rows.to_csv(tmp_path / "own.csv", index=False)
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        with monkeypatch.context() as patch:
            few = unlabelled[:N_UNLABELLED]
            patch.setattr(
                table, "read", lambda *args: change(replace(read(*args), unlabelled=few))
            )
            return cache.load(str(tmp_path / "own.csv"), quiet)

    return load


def hold_out_others(parts: Parts) -> Parts:
    """Have other validation and test texts, with the labels turned around."""

    def other(part: str) -> object:
        held_out = getattr(parts, part)
        labels = ["neg" if label == "pos" else "pos" for label in held_out.labels]
        return replace(held_out, texts=[f"{t} terrible" for t in held_out.texts], labels=labels)

    return replace(parts, validation=other("validation"), test=other("test"))


def nothing_else(parts: Parts) -> Parts:
    return parts


def have_fewer(parts: Parts) -> Parts:
    """Have half of the texts without a label."""
    return replace(parts, unlabelled=parts.unlabelled[: N_UNLABELLED // 2])


def test_a_plan_needs_what_a_trial_of_it_may_read() -> None:
    assert needed(LSTM) == set()
    assert needed(replace(LSTM, searched=(*LSTM.searched, "text.vectors"))) == {COUNTED}
    assert needed(replace(LSTM, searched=(*LSTM.searched, "train.teacher"))) == {TEACHER}
    assert needed(LSTM.always("text.vectors", "file")) == {FILE}
    assert needed(LSTM.always("train.teacher", "study:nbsvm")) == {"train.teacher=study:nbsvm"}
    assert needed(STUDIES["tutorials"]) == needed(STUDIES["nbsvm"]) == set()


def test_vectors_are_counted_once_and_read_from_the_cache_after_that(load: Load) -> None:
    said: list[str] = []
    data = load()
    first = attach(data, {COUNTED}, said.append)
    assert said == [f"counting vectors of {len(data.vocabulary()):,} words in 132 texts, once"]
    again = attach(data, {COUNTED}, said.append)
    assert len(said) == 1
    assert again == first
    vectors = first.array(COUNTED)
    assert isinstance(vectors, np.memmap)
    assert vectors.shape == (len(data.vocabulary()), 256)
    assert vectors.any()


def test_vectors_are_not_counted_in_validation_or_test(load: Load) -> None:
    digests = [
        attach(load(change), {COUNTED}, quiet).arrays[COUNTED].digest
        for change in (nothing_else, hold_out_others, have_fewer)
    ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]  # it would be seen


def test_a_teacher_leaves_probabilities_and_says_how_good_it_is(load: Load) -> None:
    said: list[str] = []
    data = attach(load(), {TEACHER}, said.append)
    labels = data.array(TEACHER)
    assert labels.shape == (N_UNLABELLED, 2)
    assert labels.min() > 0
    assert labels.max() < 1
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    facts = data.arrays[TEACHER].facts
    assert 0.4 < facts["val_accuracy"] <= 1
    assert facts["sure"] == pytest.approx((labels.max(axis=1) >= 0.9).mean())
    assert said[0] == "a teacher labels 60 texts, once: nbsvm"
    assert said[-1].startswith(f"  it has {facts['val_accuracy']:.2%} on validation")
    assert [path.name for path in data.folder.parent.iterdir() if path.is_dir()] == [
        data.folder.name
    ]


def test_without_unlabelled_texts_vectors_are_counted_in_the_training_part(load: Load) -> None:
    data = load(lambda parts: replace(parts, unlabelled=()))
    assert attach(data, {COUNTED}, quiet).arrays[COUNTED].source == "counted in train texts"


def test_a_teacher_without_texts_to_label_is_left_out_or_refused(load: Load) -> None:
    data = load(lambda parts: replace(parts, unlabelled=()))
    said: list[str] = []
    searching = replace(LSTM, searched=(*LSTM.searched, "train.teacher"))
    assert needed(without_teacher(searching, data, said.append)) == set()
    assert said == ["own.csv has no texts without a label, so no trial has a teacher"]
    assert without_teacher(LSTM, data, said.append) is LSTM
    assert len(said) == 1
    with pytest.raises(UserError, match=r"own\.csv has none, so --teacher nbsvm would do nothing"):
        refuse_teacher(data, "nbsvm")
    refuse_teacher(data, "none")
    refuse_teacher(load(), "nbsvm")
    assert without_teacher(searching, load(), said.append) is searching


def test_vectors_of_a_file_cover_what_they_cover(load: Load, tmp_path: Path) -> None:
    data = load()
    words = data.vocabulary()
    file = tmp_path / "glove.txt"
    file.write_text("".join(f"{word} {n} 1\n" for n, word in enumerate(words[:10])))
    record = attach(data, {FILE}, quiet, vectors_file=file).arrays[FILE]
    assert record.source == str(file)
    assert record.facts["words"] == pytest.approx(10 / len(words))
    assert 0.2 < record.facts["tokens"] < 0.6
    file.write_text("".join(f"{word} {n} 2\n" for n, word in enumerate(words[:10])))
    assert attach(data, {FILE}, quiet, vectors_file=file).arrays[FILE].digest != record.digest
    with pytest.raises(UserError, match="there is no vectors file"):
        attach(data, {FILE}, quiet, vectors_file=tmp_path / "gone.txt")


def test_what_a_study_read_is_made_again_where_it_was_deleted(load: Load, tmp_path: Path) -> None:
    data = load()
    file = tmp_path / "glove.txt"
    file.write_text(f"{data.vocabulary()[0]} 1 2\n")
    was = attach(data, {COUNTED, FILE}, quiet, vectors_file=file)
    assert attach_recorded(data, was.arrays, quiet) == was
    shutil.rmtree(data.folder / cache.ARRAYS)
    assert attach_recorded(data, was.arrays, quiet) == was
    shutil.rmtree(data.folder / cache.ARRAYS)
    file.write_text(f"{data.vocabulary()[0]} 1 3\n")
    with pytest.raises(UserError, match=r"text\.vectors=file was \w+ when the study ran, but is"):
        attach_recorded(data, was.arrays, quiet)


def test_an_array_that_was_not_made_is_a_bug(tiny_dataset: Dataset) -> None:
    with pytest.raises(RuntimeError, match=r"text\.vectors=counted was to be made"):
        tiny_dataset.array(COUNTED)


def test_a_record_that_names_a_file_elsewhere_is_not_followed(load: Load) -> None:
    data = attach(load(), {COUNTED}, quiet)
    far = replace(data.arrays[COUNTED], file="../train.labels.npy")
    assert (data.folder / cache.ARRAYS / far.file).is_file()
    assert attach_recorded(data, {COUNTED: far}, quiet) == data


def test_a_teacher_of_own_code_is_refused_where_nobody_said_that_it_is_trusted(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load()
    source = SourceRecord("mine.py", "", families=("lstm",))
    theirs = build_data(digest=data.digest, split_digest=data.split_digest)
    study = build_study(build_trial(0, 0.8, model=True), sources=(source,), data=theirs)
    monkeypatch.setattr("tracking.store.read_study", lambda root, name: study)
    monkeypatch.setattr("tracking.store.model_file", lambda root, trial: data.folder / "no model")
    with pytest.raises(UserError, match=r"SEQSEARCH_TRUST_CODE=[0-9a-f]{64} then lets it run"):
        attach(data, {"train.teacher=study:lstm"}, quiet)
    trusted = frozenset([source.sha256])
    with pytest.raises(UserError, match="no model: No such file"):  # it goes on to its model
        attach(data, {"train.teacher=study:lstm"}, quiet, trusted=trusted)
