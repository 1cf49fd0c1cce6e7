"""Prepared data sets: made once, whole or absent, fitted on the training part alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.datasets import cache, table
from search.datasets.cache import SMOKE_TEXTS, Dataset, load
from search.datasets.columns import as_recorded
from search.datasets.tokenizer import OUT_OF_VOCABULARY, START, decode, fit_vocabulary
from tracking.commandline.errors import UserError

ROWS = [
    *((f"good film number {i}", "pos", "train") for i in range(10)),
    *((f"bad film number {i}", "neg", "train") for i in range(10)),
    ("good surprise", "pos", "validation"),
    ("bad film", "neg", "validation"),
    ("good secret", "pos", "test"),
]


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    """A table that says itself which texts are for what."""
    frame = pd.DataFrame(ROWS, columns=["text", "label", "split"])
    frame.to_csv(tmp_path / "divided.csv", index=False)
    return tmp_path / "divided.csv"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "own"))
    return tmp_path / "own"


def quiet(line: str) -> None:
    """Say nothing."""


def texts_of(data: Dataset, part: str) -> list[str]:
    rows, vocabulary = data.tokens(part), data.vocabulary()
    return [" ".join(decode(rows[i], vocabulary)) for i in range(len(rows))]


def test_the_arrays_hold_the_texts_and_labels_of_the_table(divided: Path) -> None:
    data = load(str(divided), quiet)
    assert data.classes == ("neg", "pos")
    assert data.n_texts == {"train": 20, "validation": 2, "test": 1}
    expected = [(text, label) for text, label, part in ROWS if part == "train"]
    labels = [data.classes[number] for number in data.labels("train")]
    assert list(zip(texts_of(data, "train"), labels, strict=True)) == expected


def test_the_vocabulary_is_that_of_the_training_part_alone(divided: Path) -> None:
    data = load(str(divided), quiet)
    assert data.vocabulary() == fit_vocabulary(text for text, _, part in ROWS if part == "train")
    assert not {"surprise", "secret"} & set(data.vocabulary())
    assert texts_of(data, "validation") == ["good <oov>", "bad film"]
    assert data.tokens("validation")[0].tolist()[::2] == [START, OUT_OF_VOCABULARY]


def test_the_test_part_is_prepared_with_the_same_vocabulary(divided: Path) -> None:
    data = load(str(divided), quiet).open_test("a test of the cache")
    assert texts_of(data, "test") == ["good <oov>"]
    assert data.labels("test").tolist() == [1]


def test_the_test_part_is_sealed_until_it_is_opened_for_a_purpose(divided: Path) -> None:
    data = load(str(divided), quiet)
    for read in (data.tokens, data.labels, data.keys):
        with pytest.raises(RuntimeError, match="the test part is sealed"):
            read("test")
    opened = data.open_test("a test of the cache")
    assert opened.opened_for == "a test of the cache"
    assert opened.record == data.record
    assert len(opened.keys("test")) == 1


def test_equal_texts_have_equal_keys_in_every_part(tmp_path: Path) -> None:
    rows = [*ROWS, ("good film number 3", "pos", "test"), ("Good film number 3", "pos", "test")]
    frame = pd.DataFrame(rows, columns=["text", "label", "split"])
    frame.to_csv(tmp_path / "twins.csv", index=False)
    data = load(str(tmp_path / "twins.csv"), quiet).open_test("a test of the cache")
    assert np.isin(data.keys("test"), data.keys("train")).tolist() == [False, True, False]


def test_texts_of_one_group_have_one_number_in_every_part(tmp_path: Path) -> None:
    films = [f"film {number % 4}" for number in range(len(ROWS))]
    frame = pd.DataFrame(ROWS, columns=["text", "label", "split"]).assign(group=films)
    frame.to_csv(tmp_path / "films.csv", index=False)
    data = load(str(tmp_path / "films.csv"), quiet).open_test("a test of the cache")
    numbers = [data.groups(part) for part in ("train", "validation", "test")]
    assert np.concatenate(numbers).tolist() == [number % 4 for number in range(len(ROWS))]


def test_without_a_column_for_them_the_groups_are_not_known(divided: Path) -> None:
    assert load(str(divided), quiet).groups("train") is None


def test_a_table_says_where_it_lies(divided: Path) -> None:
    assert load(str(divided), quiet).path == str(divided)


def test_only_the_part_that_is_asked_for_is_read(divided: Path) -> None:
    data = load(str(divided), quiet)
    for file in data.folder.glob("test.*.npy"):
        file.unlink()
    assert len(data.tokens("train")) == 20
    assert len(data.labels("validation")) == 2
    with pytest.raises(FileNotFoundError):
        data.open_test("a test of the cache").tokens("test")


def test_tokens_are_mapped_and_cannot_be_written_by_mistake(tiny_dataset: Dataset) -> None:
    tokens = tiny_dataset.tokens("train").tokens
    assert isinstance(tokens, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 5


def test_the_second_load_prepares_nothing(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_said: list[str] = []
    again_said: list[str] = []
    first = load(str(divided), first_said.append)
    dates = {file: file.stat().st_mtime_ns for file in own_cache.rglob("*")}
    again = load(str(divided), again_said.append)
    assert again == first
    assert {file: file.stat().st_mtime_ns for file in own_cache.rglob("*")} == dates
    assert [line.split(":")[0] for line in first_said] == [
        "data",
        "  text",
        "preparing the texts, once",
        f"  counting the words of {first.n_texts['train']} training texts",
        *(f"  {part}" for part in first.n_texts),
    ]
    assert again_said == first_said[:2]
    assert again_said[1] == "  text: text, label: label, split: split"


def test_a_table_that_is_read_as_its_record_says_is_not_prepared_anew(
    tmp_path: Path, own_cache: Path
) -> None:
    rows = [f"text {n},{'xy'[n % 2]}" for n in range(40)]
    (tmp_path / "kaggle.csv").write_text("\n".join(["review,sentiment", *rows]))
    said: list[str] = []
    first = load(str(tmp_path / "kaggle.csv"), quiet)
    again = load(str(tmp_path / "kaggle.csv"), said.append, options=as_recorded(first))
    assert again == first
    assert said[1:] == ["  text: review, label: sentiment"]


def test_nothing_but_the_prepared_folder_is_left_behind(divided: Path, own_cache: Path) -> None:
    data = load(str(divided), quiet)
    assert list(own_cache.iterdir()) == [own_cache / "prepared"]
    assert sorted((own_cache / "prepared").iterdir()) == [
        data.folder.parent / ".lock",
        data.folder,
    ]


def test_a_folder_without_a_manifest_is_prepared_anew(divided: Path, own_cache: Path) -> None:
    data = load(str(divided), quiet)
    (data.folder / "manifest.json").unlink()
    (data.folder / "train.tokens.npy").write_bytes(b"half")
    (data.folder / "leftover").write_text("a stranger's")
    again = load(str(divided), quiet)
    assert again == data
    assert texts_of(again, "train")[0] == "good film number 0"
    assert not (data.folder / "leftover").exists()


def test_a_failure_leaves_nothing_that_looks_prepared(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache.np, "save", full)
        with pytest.raises(UserError, match="no space left"):
            load(str(divided), quiet)
    assert list((own_cache / "prepared").iterdir()) == [own_cache / "prepared" / ".lock"]
    assert len(load(str(divided), quiet).tokens("train")) == 20


def test_a_carriage_return_in_a_word_does_not_move_the_ids(
    own_cache: Path, tmp_path: Path
) -> None:
    rows = [(f"good\rbad number{n}", "pos") for n in range(9)]
    rows += [(f"bad thing{n}", "neg") for n in range(9)]
    table = tmp_path / "windows.csv"
    lines = [f'"{text}",{label}\r\n' for text, label in rows]
    table.write_bytes("".join(["text,label\r\n", *lines]).encode())
    vocabulary = load(str(table), quiet).vocabulary()
    assert vocabulary[:2] in (["bad", "good\rbad"], ["good\rbad", "bad"])
    assert len(set(vocabulary)) == len(vocabulary)


def test_changed_texts_are_prepared_anew(divided: Path, own_cache: Path) -> None:
    before = load(str(divided), quiet)
    divided.write_text(divided.read_text().replace("number 0", "number zero"))
    after = load(str(divided), quiet)
    assert after.folder != before.folder
    assert after.digest != before.digest
    assert after.split_digest == before.split_digest


def with_unlabelled(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """Have tables come with texts that have no label."""
    read = table.read
    monkeypatch.setattr(table, "read", lambda *args: replace(read(*args), unlabelled=texts))


def test_unlabelled_texts_are_a_part_without_labels(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled = load(str(divided), quiet)
    with_unlabelled(monkeypatch, "a film good", "number strange number")
    shutil.rmtree(labelled.folder)
    data = load(str(divided), quiet)
    assert data.n_texts == {**labelled.n_texts, "unlabelled": 2}
    assert texts_of(data, "unlabelled") == ["<oov> film good", "number <oov> number"]
    assert len(data.keys("unlabelled")) == 2
    assert not {path.name for path in data.folder.glob("unlabelled.labels*")}
    assert (data.digest, data.split_digest) == (labelled.digest, labelled.split_digest)
    assert data.unlabelled_digest != labelled.unlabelled_digest
    assert data.vocabulary() == labelled.vocabulary()


def test_unlabelled_copies_of_validation_and_test_texts_are_dropped(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    held_out = [text for text, _, part in ROWS if part != "train"]
    shouted = [f"{text.upper()}!" for text in held_out]  # the same words
    with_unlabelled(monkeypatch, *shouted, "good film number 3", *held_out)
    data = load(str(divided), said.append)
    assert texts_of(data, "unlabelled") == ["good film number 3"]
    assert said[-1].endswith(
        "writing 1 texts as numbers, without 6 copies of validation or test texts"
    )


def test_where_all_unlabelled_texts_are_copies_there_are_none(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = load(str(divided), quiet)
    shutil.rmtree(without.folder)
    with_unlabelled(monkeypatch, "bad film")
    found = load(str(divided), quiet).record
    assert replace(found, report=None) == replace(without.record, report=None)


def test_what_was_prepared_with_other_unlabelled_texts_is_not_found(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load(str(divided), quiet)
    assert cache.find(data.record) == data
    before = replace(data.record, unlabelled_digest="")  # recorded when nobody looked at them
    assert cache.find(before) == replace(data, unlabelled_digest="")
    assert cache.find(replace(data.record, unlabelled_digest="0" * 16)) is None


def test_smoke_takes_few_unlabelled_texts_too(
    divided: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_unlabelled(monkeypatch, *(f"film {number}" for number in range(1_000)))
    data = load(str(divided), quiet, smoke=True)
    assert data.n_texts["unlabelled"] == SMOKE_TEXTS


def test_a_fifth_is_held_out_where_the_table_does_not_divide(tiny_dataset: Dataset) -> None:
    assert tiny_dataset.n_texts == {"train": 96, "validation": 24}
    assert np.bincount(tiny_dataset.labels("validation")).tolist() == [12, 12]
    assert (tiny_dataset.name, tiny_dataset.official) == ("tiny.csv", False)


def test_smoke_takes_a_few_hundred_of_the_texts(tmp_path: Path) -> None:
    rows = [(f"text {i}", "pos" if i % 4 else "neg") for i in range(1_000)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "many.csv", index=False)
    few = load(str(tmp_path / "many.csv"), quiet, smoke=True)
    assert sum(few.n_texts.values()) == SMOKE_TEXTS == 400
    labels = np.concatenate([few.labels("train"), few.labels("validation")])
    assert np.bincount(labels).tolist() == [100, 300]
    assert set(texts_of(few, "train")) <= {text for text, _ in rows}
    whole = load(str(tmp_path / "many.csv"), quiet)
    assert sum(whole.n_texts.values()) == 1_000
    assert whole.folder != few.folder


def test_smoke_keeps_every_text_of_a_small_table(divided: Path) -> None:
    assert load(str(divided), quiet, smoke=True).n_texts == load(str(divided), quiet).n_texts


def test_the_manifest_names_the_data_and_its_split(divided: Path) -> None:
    data = load(str(divided), quiet)
    manifest = json.loads((data.folder / "manifest.json").read_text("utf-8"))
    assert manifest["digest"] == data.digest
    assert manifest["split_digest"] == data.split_digest
    assert len(data.digest) == len(data.split_digest) == 16


def test_the_cache_is_the_users_own_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("SEQSEARCH_CACHE")
    assert cache.folder().name == "seqsearch"
