"""A column of a CSV file is scored, and the rest of it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from search.bundles.classifier import Classifier, Prediction
from search.cli.prediction_table import score_table
from tracking.commandline.errors import UserError


class Longest:
    """Stands in for a model: it tells long texts from short ones."""

    classes = ("long", "short")

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return [
            Prediction("long" if len(text) > 5 else "short", {"long": 0.5, "short": 0.5})
            for text in texts
        ]


def scored(folder: Path, content: str) -> str:
    source, out = folder / "in.csv", folder / "out.csv"
    source.write_text(content, "utf-8", newline="")
    score_table(lambda: cast("Classifier", Longest()), source, "text", out)
    return out.read_text("utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_keeps_its_delimiter(tmp_path: Path, delimiter: str, mark: str) -> None:
    rows = f'{mark}text{delimiter}id\n"one, two; t|hr\tee"{delimiter}1\n'
    head, row = scored(tmp_path, rows).splitlines()
    assert head.split(delimiter) == ["text", "id", "predicted", "p_long", "p_short"]
    assert row.endswith(delimiter.join(["", "1", "long", "0.5", "0.5"]))


def test_a_table_of_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    assert scored(tmp_path, "text\nfine\n").splitlines()[1] == "fine,short,0.5,0.5"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("review;id\nfine, really;1\n", "has no column 'text'. It has: review, id."),
        ("text\n" + "a" * (1 << 20) + "a\n", "a text may have at most 1,048,576 characters"),
        ("text\n" + "a" * (1 << 22), "a line of a CSV file may have at most 2,097,152"),
        ('text,id\n"a "b" c",1\n', "is no CSV file"),
        ('text\n"open', "is no CSV file"),
    ],
    ids=["column", "field", "line", "quote", "open"],
)
def test_a_table_that_cannot_be_read_is_refused_and_nothing_is_left(
    tmp_path: Path, content: str, said: str
) -> None:
    with pytest.raises(UserError) as refused:
        scored(tmp_path, content)
    assert said in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]


def test_a_table_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text,id\ncaf\xe9,1\n")
    with pytest.raises(UserError, match=r"in\.csv must be UTF-8"):
        score_table(
            lambda: cast("Classifier", Longest()), tmp_path / "in.csv", "text", tmp_path / "o.csv"
        )
