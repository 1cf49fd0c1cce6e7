"""Texts in memory become a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from search.api.own_rows import OwnRows, own_rows
from search.datasets import table
from search.datasets.columns import GUESSED, TableOptions
from search.datasets.texts import Parts
from tracking.commandline.errors import UserError


def read_back(data: Any, options: TableOptions = GUESSED) -> Parts:
    rows = own_rows(data, None)
    assert isinstance(rows, OwnRows)
    return table.read(rows.write(options), options)


def test_a_data_frame_is_read_by_its_usual_columns_and_the_others_are_left_out() -> None:
    frame = pd.DataFrame(
        {"review": ["a", "b"], "sentiment": pd.Categorical(["pos", "neg"]), "parts": [[1], {}]}
    )
    train = read_back(frame).train
    assert (list(train.texts), list(train.labels)) == (["a", "b"], ["pos", "neg"])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0], ["1", "0"]),
        ([1.0, 0.0], ["1", "0"]),
        ([1.5, 0.0], ["1.5", "0.0"]),
        ([True, False], ["True", "False"]),
        (["x", 3], ["x", "3"]),
    ],
)
def test_labels_are_named_as_in_a_file(labels: list[Any], expected: list[str]) -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "label": labels})
    assert list(read_back(frame).train.labels) == expected


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_rows_without_a_label_are_unlabelled_and_whole_numbers_stay_so(missing: Any) -> None:
    pairs = [("a", 1), ("b", 0), ("c", missing)]
    for data in (pairs, pd.DataFrame(pairs, columns=["text", "label"])):
        parts = read_back(data)
        assert list(parts.train.labels) == ["1", "0"]
        assert list(parts.unlabelled) == ["c"]


def test_what_is_no_text_of_utf_8_is_replaced() -> None:
    assert read_back([("half \ud83d pair", "x")]).train.texts == ["half ? pair"]


def test_a_column_that_is_named_is_taken() -> None:
    frame = pd.DataFrame({"text": ["a"], "body": ["b"], "label": ["x"]})
    assert read_back(frame, TableOptions(text="body")).train.texts == ["b"]


def test_the_same_rows_are_one_file_and_others_another() -> None:
    def write(label: str) -> Path:
        rows = own_rows([("a", label)], None)
        assert isinstance(rows, OwnRows)
        return rows.write(GUESSED)

    assert write("x") == write("x") != write("y")
    assert write("x").name == "pairs.parquet"


def load_reviews() -> pd.DataFrame:
    return pd.DataFrame({"text": ["a"], "label": ["x"]})


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (load_reviews(), None, "frame"),
        (load_reviews, None, "load_reviews"),
        (lambda: [("a", "x")], None, "lambda"),
        ([("a", "x")], "mine", "mine"),
    ],
)
def test_data_are_named(data: Any, name: str | None, expected: str) -> None:
    rows = own_rows(data, name)
    assert isinstance(rows, OwnRows)
    assert rows.name == expected


def test_paths_and_names_are_as_they_are() -> None:
    assert own_rows("imdb", None) == "imdb"
    assert own_rows(Path("a") / "b.csv", None) == "a/b.csv"
    assert own_rows(lambda: Path("a/b.csv"), None) == "a/b.csv"


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (5, None, "data must be a path, imdb, .* but got int"),
        ([("a", "x"), "b"], None, "but got row 2 of str"),
        ([("a", "x", "y")], None, "but got row 1 of tuple"),
        ("a.csv", "mine", "data_name names what has no file, but data is 'a.csv'"),
        ([("a", "x")], "../mine", "data_name must have 1 to 60 letters"),
        ([(["a"], "x")], None, "column text must hold texts or numbers, but in row 1 of pairs"),
        (pd.DataFrame({"a": [1]}), None, "frame lacks text and label. Its columns: a"),
        (pd.DataFrame([["a", "b", "x"]], columns=["text", "text", "label"]), None, "has 2 called"),
    ],
)
def test_what_is_no_data_is_refused_in_one_line(data: Any, name: str | None, says: str) -> None:
    with pytest.raises(UserError, match=says) as refusal:
        read_back(data) if name is None else own_rows(data, name)
    assert "\n" not in str(refusal.value)
