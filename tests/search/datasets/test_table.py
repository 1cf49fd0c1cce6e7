"""Labelled texts from CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from csv import writer
from pathlib import Path

import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from search.datasets.sources import Source, locate
from search.datasets.table import read
from search.datasets.texts import Parts, Texts, check
from tests.memory import refusal
from tracking.commandline.errors import UserError


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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_delimiter_of_a_csv_is_found(tmp_path: Path, delimiter: str, mark: str) -> None:
    rows = [["id", "text", "label"], ["1", "one, two; three", "pos"], ["2", "a|b\tc\n,", "neg"]]
    path = tmp_path / "data.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(mark)
        writer(file, delimiter=delimiter).writerows(rows)
    assert read(path) == Parts(Texts(["one, two; three", "a|b\tc\n,"], ["pos", "neg"]))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_columns_are_named_whatever_their_delimiter(tmp_path: Path, delimiter: str) -> None:
    content = f"review{delimiter}stars\nfine, really{delimiter}1\n"
    with pytest.raises(UserError, match=r"text and label\. Its columns: review, stars\."):
        read(csv(tmp_path, content))


def test_a_row_with_too_many_fields_is_refused_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 2 columns, but 3 fields in data row 2"):
        read(csv(tmp_path, "text,label\na,x\n\nb, c,y\n"))


def test_a_cell_of_one_megabyte_is_read(tmp_path: Path) -> None:
    text = "a" * (1 << 20)
    frame = pd.DataFrame({"text": [text, "b"], "label": ["x", "y"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    assert read(tmp_path / "data.csv").train.texts == [text, "b"]
    assert read(tmp_path / "data.parquet").train.texts == [text, "b"]


def one_line(path: Path) -> Path:
    """200 GB of zeros in one line, of which nothing is on disk."""
    with path.open("wb") as file:
        file.write(b"text,label\n")
        file.truncate(200 << 30)
    return path


def one_cell(path: Path) -> Path:
    """A text of 100 MB, whose lines are short."""
    path.write_text('text,label\n"' + ("a" * 1_023 + "\n") * 100_000 + '",x\n')
    return path


def one_value(path: Path) -> Path:
    """A text of 100 MB that takes a few bytes in the file."""
    table = pyarrow.table({"text": ["a" * (100 << 20), "b"], "label": ["x", "y"]})
    parquet.write_table(table, path, use_dictionary=["label"], write_statistics=False)
    return path


def one_value_often(path: Path) -> Path:
    """A text of 1 MB, 20,000 times, which is written once."""
    table = pyarrow.table(
        {
            "text": pyarrow.DictionaryArray.from_arrays([0] * 20_000, ["a" * (1 << 20)]),
            "label": ["x", "y"] * 10_000,
        }
    )
    parquet.write_table(table, path, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (one_line, "data.csv", "a line of a CSV file may have at most 2,097,152 characters, but"),
        (one_cell, "data.csv", "a text may have at most 1,048,576 characters, but"),
        (one_value, "data.parquet", "a text may have at most 1,048,576 bytes, but"),
        (one_value_often, "data.parquet", "it unpacks to more than 1024 MB"),
    ],
)
def test_what_would_fill_the_memory_is_refused_before_it_does(
    tmp_path: Path, make: Callable[[Path], Path], name: str, said: str
) -> None:
    message, grown = refusal(make(tmp_path / name), "table")
    assert said in message
    assert grown < 80


def not_utf_8() -> pyarrow.Array:
    """As a program writes it that does not check: bytes that are called a string."""
    wrong = pyarrow.array([b"caf\xe9", b"bad"])
    return pyarrow.Array.from_buffers(pyarrow.string(), 2, wrong.buffers())


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("text", pyarrow.array([["a"], ["b"]]), "the column text must hold texts or numbers"),
        ("label", pyarrow.array([{"a": 1}, {"a": 2}]), "the column label must hold texts"),
        ("group", pyarrow.array([["a"], ["b"]]), "the column group must hold texts or numbers"),
        ("text", pyarrow.array([b"caf\xe9", b"bad"]), "holds binary"),
        ("text", not_utf_8(), "must be UTF-8, but .*data.parquet has byte 0xe9"),
        ("label", not_utf_8(), "must be UTF-8, but .*data.parquet has byte 0xe9"),
        ("text", pyarrow.nulls(2), "every row needs a text"),
    ],
    ids=["list", "struct", "list of group", "binary", "text", "label", "null"],
)
def test_parquet_without_texts_is_refused_in_one_line(
    tmp_path: Path, column: str, values: pyarrow.Array, said: str
) -> None:
    columns = {"text": ["good", "bad"], "label": ["pos", "neg"], column: values}
    parquet.write_table(pyarrow.table(columns), tmp_path / "data.parquet")
    with pytest.raises(UserError, match=said) as refused:
        read(tmp_path / "data.parquet")
    assert "\n" not in str(refused.value)


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
