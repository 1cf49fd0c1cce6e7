"""Labelled texts from CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from search.datasets.sources import Source, locate
from search.datasets.table import read
from search.datasets.texts import Parts, Texts, check
from tracking.cli import UserError


def csv(folder: Path, content: str | bytes) -> Path:
    path = folder / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_csv_gives_its_texts_and_labels(tmp_path: Path) -> None:
    path = csv(tmp_path, 'label,text,other\npos,"good, really",1\nneg,"two\nlines",2\n')
    assert read(path) == Parts(Texts(["good, really", "two\nlines"], ["pos", "neg"]))


def test_the_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = csv(tmp_path, b"\xef\xbb\xbftext,label\nfine,pos\n")
    assert read(path).train.texts == ["fine"]


def test_groups_and_parts_are_read_where_they_are_given(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "text,label,group,split\na,x,1,train\nb,y,1,train\nc,x,2,validation\nd,y,3,test\n",
    )
    assert read(path) == Parts(
        train=Texts(["a", "b"], ["x", "y"], ["1", "1"]),
        validation=Texts(["c"], ["x"], ["2"]),
        test=Texts(["d"], ["y"], ["3"]),
    )


def test_a_split_without_validation_leaves_it_to_be_held_out(tmp_path: Path) -> None:
    parts = read(csv(tmp_path, "text,label,split\na,x,train\nb,y,test\n"))
    assert parts.validation is None
    assert parts.test == Texts(["b"], ["y"])


@pytest.mark.parametrize("text", ["NA", "null", "nan", "None", "007", "1.50", "True"])
def test_a_text_stays_as_it_is_written(tmp_path: Path, text: str) -> None:
    parts = read(csv(tmp_path, f"text,label\n{text},{text}\n"))
    assert (parts.train.texts, parts.train.labels) == ([text], [text])


def test_parquet_gives_what_the_csv_gives(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["good", "bad", "NA"], "label": ["pos", "neg", "neg"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.parquet") == read(tmp_path / "data.csv")


def test_numbers_in_parquet_are_labels_like_any_other(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["good", "bad"], "label": [1, 0]})
    frame.to_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.parquet").train.labels == ["1", "0"]


def test_three_classes_are_read_and_accepted(tmp_path: Path) -> None:
    rows = "".join(f"text {i},{'abc'[i % 3]}\n" for i in range(30))
    parts = read(csv(tmp_path, f"text,label\n{rows}"))
    check(parts, "data.csv")
    assert set(parts.train.labels) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("header", "lacking"),
    [("review,label", "text"), ("text,stars", "label"), ("a,b", "text and label")],
)
def test_a_missing_column_is_refused_with_the_columns_there_are(
    tmp_path: Path, header: str, lacking: str
) -> None:
    columns = header.replace(",", ", ")
    with pytest.raises(UserError, match=rf"lacks {lacking}\. Its columns: {columns}\."):
        read(csv(tmp_path, f"{header}\nfine,pos\n"))


@pytest.mark.parametrize("empty", ["", '""', "  "])
@pytest.mark.parametrize("column", ["text", "label"])
def test_an_empty_text_or_label_is_refused_with_its_row(
    tmp_path: Path, column: str, empty: str
) -> None:
    row = f"{empty},pos" if column == "text" else f"fine,{empty}"
    path = csv(tmp_path, f"text,label\nfine,pos\n{row}\nbad,neg\n{row}\n")
    with pytest.raises(UserError, match=rf"needs a {column}, but .* 2 empty ones, .* row 2\."):
        read(path)


def test_a_missing_value_in_parquet_is_refused_with_its_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["good", None], "label": ["pos", "neg"]})
    frame.to_parquet(tmp_path / "data.parquet")
    with pytest.raises(UserError, match=r"needs a text, but .* 1 empty ones, .* data row 2"):
        read(tmp_path / "data.parquet")


def test_a_csv_that_is_not_utf_8_is_refused_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be UTF-8, but .*data\.csv has byte 0xe9"):
        read(csv(tmp_path, "text,label\ncafé,pos\n".encode("latin-1")))


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match=r"data\.csv cannot be read as csv"):
        read(csv(tmp_path, content))


def test_a_torn_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.csv cannot be read as csv"):
        read(csv(tmp_path, 'text,label\n"never closed,pos\n'))


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_text("text,label\n")
    with pytest.raises(UserError, match=r"data\.parquet cannot be read as parquet"):
        read(tmp_path / "data.parquet")


@pytest.mark.parametrize("value", ["dev", "", "Train"])
def test_an_unknown_part_is_refused_with_the_known_ones(tmp_path: Path, value: str) -> None:
    path = csv(tmp_path, f"text,label,split\na,x,train\nb,y,{value}\n")
    with pytest.raises(UserError, match=rf"one of train, validation, test.*'{value}'"):
        read(path)


def test_a_table_without_a_training_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"with some rows of train, but .* has 'test'"):
        read(csv(tmp_path, "text,label,split\na,x,test\n"))


def source(path: Path) -> Source:
    return locate(str(path), path.parent, lambda line: None)


def test_one_class_is_refused_with_its_name(tmp_path: Path) -> None:
    path = csv(tmp_path, "text,label\n" + "fine,pos\n" * 30)
    with pytest.raises(UserError, match=r"at least 2 classes, but .*data\.csv has 1: pos"):
        source(path).read()


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at least 2 classes, but .* has 0: no rows at all"):
        source(csv(tmp_path, "text,label\n")).read()


def test_a_class_of_few_texts_is_refused_with_its_name(tmp_path: Path) -> None:
    path = csv(tmp_path, "text,label\n" + "fine,pos\n" * 30 + "bad,neg\n" * 4)
    with pytest.raises(UserError, match=r"at least 5 texts, but .* has 4 of 'neg'"):
        source(path).read()


def test_a_label_that_only_the_test_part_has_is_refused(tmp_path: Path) -> None:
    rows = "a,x,train\nb,y,train\n" * 10 + "c,z,test\n"
    with pytest.raises(UserError, match="the test part has labels that train lacks: z"):
        source(csv(tmp_path, f"text,label,split\n{rows}")).read()


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file '.*nowhere\.csv'"):
        source(tmp_path / "nowhere.csv")


def test_a_file_of_another_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.csv or \.parquet, but got '.*\.tsv'"):
        source(tmp_path / "data.tsv")
