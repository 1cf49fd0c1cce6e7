"""Labelled texts from CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from csv import writer
from pathlib import Path

import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from search.datasets import opening
from search.datasets.columns import TableOptions
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
    [("words,label", "text"), ("text,number", "label"), ("a,b", "text and label")],
)
def test_a_missing_column_is_refused_with_the_columns_there_are(
    tmp_path: Path, header: str, lacking: str
) -> None:
    columns = header.replace(",", ", ")
    with pytest.raises(UserError, match=rf"lacks {lacking}\. Its columns: {columns}\."):
        read(csv(tmp_path, f"{header}\nfine,pos\n"))


@pytest.mark.parametrize("empty", ["", '""', "  "])
def test_a_row_without_a_text_is_left_out_and_counted(tmp_path: Path, empty: str) -> None:
    path = csv(tmp_path, f"text,label\nfine,pos\n{empty},pos\nbad,neg\n{empty},\n")
    parts = read(path)
    assert parts == Parts(Texts(["fine", "bad"], ["pos", "neg"]))
    assert parts.left_out == {"without a text": 2}


@pytest.mark.parametrize("empty", ["", '""', "  "])
def test_a_row_without_a_label_is_an_unlabelled_text(tmp_path: Path, empty: str) -> None:
    parts = read(csv(tmp_path, f"text,label\nfine,pos\nwhat,{empty}\nbad,neg\n"))
    assert parts == Parts(Texts(["fine", "bad"], ["pos", "neg"]), unlabelled=("what",))
    assert parts.left_out == {}


def test_nothing_is_learnt_from_unlabelled_texts_of_validation_and_test(tmp_path: Path) -> None:
    rows = "a,x,train\nb,,train\nc,,test\nd,,validation\ne,,\nf,y,test\n"
    parts = read(csv(tmp_path, f"text,label,split\n{rows}"))
    assert parts == Parts(Texts(["a"], ["x"]), None, Texts(["f"], ["y"]), ("b", "e"))
    assert parts.left_out == {"of validation or test without a label": 2}


def test_missing_values_in_parquet_are_as_empty_ones_in_a_csv(tmp_path: Path) -> None:
    rows = {"text": ["good", None, "new", "bad"], "label": [1.0, 0.0, None, float("nan")]}
    pd.DataFrame(rows).to_parquet(tmp_path / "data.parquet")
    parts = read(tmp_path / "data.parquet")
    assert parts == Parts(Texts(["good"], ["1.0"]), unlabelled=("new", "bad"))
    assert parts.left_out == {"without a text": 1}


def test_a_csv_that_is_not_utf_8_is_refused_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be UTF-8, but .*data\.csv has byte 0xe9.*encoding"):
        read(csv(tmp_path, "text,label\ncafé,pos\n".encode("latin-1")))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_another_encoding_is_read_where_it_is_named(tmp_path: Path, encoding: str) -> None:
    path = csv(tmp_path, "text,label\ncafé,pos\n".encode(encoding))
    assert read(path, TableOptions(encoding=encoding)).train.texts == ["café"]


@pytest.mark.parametrize("encoding", ["utf8-mac", "rot13", "hex", "no\0ne"])
def test_what_is_no_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UserError, match=r"unknown encoding .* Known: .*utf-8"):
        read(csv(tmp_path, "text,label\n"), TableOptions(encoding=encoding))


def test_the_wrong_encoding_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be ascii, but .* has byte 0xc3"):
        read(csv(tmp_path, "text,label\ncafé,pos\n"), TableOptions(encoding="ascii"))


def test_parquet_has_no_encoding_to_choose(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a"], "label": ["x"]}).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(UserError, match=r"--encoding means nothing to .*data\.parquet"):
        read(tmp_path / "data.parquet", TableOptions(encoding="latin-1"))


JSON_LINES = (
    '{"review": "good, really", "stars": 1, "id": null}\n\n'
    '{"stars": 0, "review": "two\\nlines"}\n'
    '{"review": "unknown"}\n{"review": "", "stars": 1}\n{"review": "none", "stars": null}\n'
)


def test_json_lines_give_their_texts_and_labels(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(JSON_LINES)
    parts = read(tmp_path / "data.jsonl")
    expected = Texts(["good, really", "two\nlines"], ["1", "0"])
    assert parts == Parts(expected, unlabelled=("unknown", "none"))
    assert parts.left_out == {"without a text": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "each line of .* must be a JSON object, but line 2 is a list"),
        ("{'text': 1}", "must be a JSON object, but line 2 is none: Expecting"),
        ("[" * 100_000, "must be a JSON object, but line 2 is none"),
        (
            '{"text": ["a"], "label": 1}',
            "column text must hold texts or numbers, .* row 2 .* list",
        ),
        ('{"text": "' + "a" * (1 << 20) + 'a"}', "a text may have at most 1,048,576 bytes"),
        ('{"text": "' + "a" * (1 << 21) + '"}', "may have at most 2,097,152 characters"),
    ],
    ids=["list", "quotes", "deep", "list of text", "text", "line"],
)
def test_a_line_that_is_no_row_is_refused_by_its_number(
    tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "data.jsonl").write_text(f'{{"text": "a", "label": 1}}\n{line}\n')
    with pytest.raises(UserError, match=said) as refused:
        read(tmp_path / "data.jsonl")
    assert "\n" not in str(refused.value)


def test_empty_json_lines_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text("\n")
    with pytest.raises(UserError, match=r"data\.jsonl cannot be read as jsonl: it is empty"):
        read(tmp_path / "data.jsonl")


def test_a_tsv_is_divided_by_tabs_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text("text, long\tlabel\na, b, c\tx\n")
    assert read(path, TableOptions(text="text, long")) == Parts(Texts(["a, b, c"], ["x"]))


def test_a_tsv_without_a_header_is_refused_with_what_was_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text("A wonderful film, really.\tpos\nA bad one.\tneg\n")
    said = r"lacks text and label\. Its columns: A wonderful film, really\., pos\. .*first line"
    with pytest.raises(UserError, match=said):
        read(path)


def packed(path: Path) -> Path:
    """Compress a file beside itself."""
    codec = {".gz": "gzip", ".zst": "zstd"}[path.suffix]
    with pyarrow.CompressedOutputStream(path, codec) as stream:
        stream.write(path.with_suffix("").read_bytes())
    return path


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl", "data.parquet"])
def test_a_packed_table_gives_what_it_gives_unpacked(
    tmp_path: Path, name: str, ending: str
) -> None:
    frame = pd.DataFrame({"text": ["good", "bad\nas can be"], "label": ["pos", "neg"]})
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_csv(tmp_path / "data.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "data.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "data.parquet")
    parts = read(packed(tmp_path / f"{name}{ending}"))
    assert parts == Parts(Texts(["good", "bad\nas can be"], ["pos", "neg"]))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_packed_table_that_is_cut_short_is_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / "data.csv").write_text("text,label\n" + "fine,pos\n" * 1_000)
    path = packed(tmp_path / f"data.csv{ending}")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"cannot be read as csv: Truncated compressed stream"):
        read(path)


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_what_is_not_packed_as_it_says_is_refused(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"data.csv{ending}").write_text("text,label\nfine,pos\n")
    with pytest.raises(UserError, match=r"cannot be read as csv") as refused:
        read(tmp_path / f"data.csv{ending}")
    assert "\n" not in str(refused.value)


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
    content = f"words{delimiter}number\nfine, really{delimiter}1\n"
    with pytest.raises(UserError, match=r"text and label\. Its columns: words, number\."):
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


def one_line_packed(path: Path) -> Path:
    """4 GB in one line, packed to a ten-thousandth."""
    with pyarrow.CompressedOutputStream(path, "zstd") as stream:
        stream.write(b"text,label\n")
        for _ in range(4 << 10):
            stream.write(bytes(1 << 20))
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
        (one_line, "data.csv", "a line of a data file may have at most 2,097,152 characters, but"),
        (one_line_packed, "data.csv.zst", "a line of a data file may have at most 2,097,152"),
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


def test_many_rows_in_a_small_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes far more in memory than the two bytes that it unpacks to."""
    monkeypatch.setattr(opening, "MAX_UNPACKED", 1 << 20)
    (tmp_path / "data.csv").write_text("text,label\n" + ",\n" * 20_000)
    with pytest.raises(UserError, match="it unpacks to more than 1 MB"):
        read(packed(tmp_path / "data.csv.zst"))


@pytest.mark.parametrize("name", ["data.csv.gz", "data.parquet.zst"])
def test_a_packed_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(opening, "MAX_UNPACKED", 1 << 20)
    (tmp_path / name).with_suffix("").write_bytes(b"text,label\n" + bytes(2 << 20))
    with pytest.raises(UserError, match="it unpacks to more than 1 MB"):
        read(packed(tmp_path / name))


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
    with pytest.raises(UserError, match=r"must end in \.csv, .*\.parquet, .* but got '.*\.xlsx'"):
        source(tmp_path / "data.xlsx")
