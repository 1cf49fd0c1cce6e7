"""A column of a CSV file is scored, and the rest of it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pandas as pd
import pytest

from search.bundles.classifier import Classifier, Prediction
from search.cli.prediction_table import score_table
from search.datasets import opening
from search.datasets.opening import open_whole
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
        ("text\n" + "a" * (1 << 22), "a line of a data file may have at most 2,097,152"),
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


def test_the_column_is_known_by_its_usual_name(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("id;Review\n1;caf\xe9 crème\n".encode("latin-1"))
    score_table(lambda: cast("Classifier", Longest()), source, "", out, "latin-1")
    assert out.read_text("utf-8").splitlines() == [
        "id;Review;predicted;p_long;p_short",
        "1;caf\xe9 crème;long;0.5;0.5",
    ]


def test_a_table_without_a_usual_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("words,id\nfine,1\n")
    with pytest.raises(
        UserError, match=r"no column with a usual name \(--column NAME\)\. It has: words, id"
    ):
        score_table(
            lambda: cast("Classifier", Longest()), tmp_path / "in.csv", "", tmp_path / "o.csv"
        )


ROWS = {"id": [1, 2, 3], "text": ["fine", "rather long", None], "note": [None, "é", "x"]}


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_is_scored_and_written_alike(tmp_path: Path, kind: str, ending: str) -> None:
    frame = pd.DataFrame(ROWS)
    source, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}{ending}"
    write(frame, source)
    score_table(lambda: cast("Classifier", Longest()), source, "", out)
    assert len(list(tmp_path.iterdir())) == 2
    found = read(out)
    assert found.columns.tolist() == [*ROWS, "predicted", "p_long", "p_short"]
    assert found["predicted"].tolist() == ["short", "long", "short"]
    assert found["p_long"].tolist() == [0.5, 0.5, 0.5]
    pd.testing.assert_frame_equal(found[list(ROWS)], read(source))
    again = tmp_path / f"again.{kind}"
    with pytest.raises(UserError, match="has a column 'predicted' already"):
        score_table(lambda: cast("Classifier", Longest()), out, "", again)
    assert not again.exists()


def write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


def read(path: Path) -> pd.DataFrame:
    with open_whole(path) as whole:
        kind = opening.kind(path)
        if kind == ".parquet":
            return pd.read_parquet(whole)
        if kind == ".jsonl":
            return pd.read_json(whole, lines=True)
        return pd.read_csv(whole, sep="\t" if kind == ".tsv" else ",")


@pytest.mark.parametrize(
    ("source", "out", "said"),
    [
        ("in.jsonl", "out.csv", "--out must be JSON Lines as --csv is, but got"),
        ("in.csv", "out.parquet", "--out must be CSV as --csv is, but got"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, source: str, out: str, said: str) -> None:
    write(pd.DataFrame(ROWS), tmp_path / source)
    with pytest.raises(UserError, match=said):
        score_table(lambda: cast("Classifier", Longest()), tmp_path / source, "", tmp_path / out)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.jsonl", b'{"text": 1}\n{\n', "line 2 is none"),
        ("in.jsonl", b'{"text": ["a"]}\n', "column text must hold texts or numbers"),
        ("in.parquet", b"text\n", r"in\.parquet cannot be read"),
        ("in.csv.gz", b"text\n", r"in\.csv\.gz: zlib|cannot be read|zlib"),
    ],
)
def test_a_damaged_table_is_refused_and_nothing_is_left(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    out = tmp_path / f"out{opening.kind(Path(name))}"
    with pytest.raises(UserError, match=said) as refused:
        score_table(lambda: cast("Classifier", Longest()), tmp_path / name, "", out)
    assert "\n" not in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == [name]
