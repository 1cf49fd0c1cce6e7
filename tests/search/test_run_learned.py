"""Whole studies whose trials read word vectors and learn from a teacher."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from search.datasets import cache, table
from tests.programs import call, snapshot

STUDY = "feedforward-own-smoke"


@pytest.fixture
def home(tiny_csv_with_test: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with own.csv, prepared with 60 texts that have no label."""
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "cache"))
    own = shutil.copy(tiny_csv_with_test, tmp_path / "own.csv")
    texts = [f"{text} {text[::-1]}" for text in pd.read_csv(own)["text"][:60]]
    read = table.read
    monkeypatch.setattr(table, "read", lambda *args: replace(read(*args), unlabelled=texts))
    cache.load(str(own), lambda line: None, smoke=True)
    return tmp_path


def test_vectors_and_a_teacher_from_the_search_to_the_verdict(home: Path) -> None:
    words = ["--study", "feedforward", "--data", str(home / "own.csv"), "--smoke"]
    asked = ["--vectors", "counted", "--teacher", "nbsvm"]
    done = call(home, "search.run", *words, *asked)
    assert done.returncode == 0, done.stderr
    assert " in 124 texts, once\n" in done.stdout
    assert "a teacher labels 60 texts, once: nbsvm\n" in done.stdout
    runs = snapshot(home, STUDY).trials
    for run in runs.values():
        params, tags = run.data.params, run.data.tags
        assert (params["text.vectors"], params["train.teacher"]) == ("counted", "nbsvm")
        assert tags["text.vectors.source"] == "counted in train and unlabelled texts"
        assert len(tags["text.vectors.digest"]) == len(tags["train.teacher.digest"]) == 16
        assert 0 <= float(tags["train.teacher.sure"]) <= 1
        assert 0.4 < float(tags["train.teacher.val_accuracy"]) <= 1

    other = call(home, "search.run", *words, "--trials", "3")
    assert other.returncode == 2
    assert "a study keeps its text.vectors=counted, but feedforward-own-smoke has" in other.stderr

    (prepared,) = (home / "cache" / "prepared").glob("*/arrays")
    shutil.rmtree(prepared)  # it is made again
    verdict = call(home, "search.evaluate", "--study", STUDY)
    assert verdict.returncode == 0, verdict.stderr
    assert len(list(prepared.glob("*.npy"))) == 2

    words[1] = "cnn"
    taught = call(home, "search.run", *words, "--trials", "1", "--teacher", f"study:{STUDY}")
    assert taught.returncode == 0, taught.stderr
    tags = snapshot(home, "cnn-own-smoke").trials[0].data.tags
    assert tags["train.teacher.source"].startswith(f"study {STUDY}, trial ")
    assert call(home, "search.doctor").returncode == 0


def test_a_teacher_without_texts_to_label_is_refused_in_one_line(
    tiny_csv: Path, tmp_path: Path
) -> None:
    words = ["--study", "cnn", "--data", str(tiny_csv), "--smoke", "--teacher", "nbsvm"]
    done = call(tmp_path, "search.run", *words)
    assert done.returncode == 2
    assert done.stderr == (
        "error: a teacher labels texts that have no label, but tiny.csv has none, so --teacher "
        "nbsvm would do nothing.\n"
    )
    assert not (tmp_path / "mlruns").exists()
