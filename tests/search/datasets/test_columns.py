"""Columns are known by their usual names, or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.datasets.columns import GUESSED, TableOptions, as_recorded, choose, in_words, whole
from search.datasets.table import read
from search.datasets.texts import Parts, Texts
from tests.builders import build_data
from tracking.commandline.errors import UserError


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("review,sentiment", "review", "sentiment"),  # IMDB and others on Kaggle
        ("PhraseId,SentenceId,Phrase,Sentiment", "Phrase", "Sentiment"),
        ("Clothing ID,Title,Review Text,Rating", "Review Text", "Rating"),
        ("Class Index,Title,Description", "Description", "Class Index"),  # AG News
        ("id,comment_text,target", "comment_text", "target"),
        ("TEXT,Label,text", "TEXT", "Label"),
        ("text,review,label,category", "text", "label"),
        ("stars,Tweet", "Tweet", "stars"),
    ],
)
def test_the_usual_names_are_known(header: str, text: str, label: str) -> None:
    found = choose(header.split(","), GUESSED, "data.csv")
    assert (found["text"], found["label"]) == (text, label)


@pytest.mark.parametrize(
    ("header", "group"),
    [
        ("text,label,group", "group"),
        ("text,label,Movie ID", "Movie ID"),
        ("PhraseId,SentenceId,Phrase,Sentiment", "SentenceId"),
        ("text,label,id,author", None),
    ],
)
def test_groups_are_known_by_few_names(header: str, group: str | None) -> None:
    assert choose(header.split(","), GUESSED, "data.csv").get("group") == group


def test_what_is_named_comes_before_what_is_usual() -> None:
    options = TableOptions(text="title", label="topic", group="site", split="part")
    names = ["text", "label", "group", "split", "title", "topic", "site", "part"]
    assert choose(names, options, "data.csv") == {
        "text": "title",
        "label": "topic",
        "group": "site",
        "split": "part",
    }


def test_none_is_no_column() -> None:
    options = TableOptions(group="none", split="none")
    found = choose(["text", "label", "group", "split"], options, "data.csv")
    assert found == {"text": "text", "label": "label"}
    assert in_words(whole(found)) == "text: text, label: label"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TableOptions(text="reviw"), r"for --text-column 'reviw'\. Did you mean review\? Known: "),
        (TableOptions(label="Sentiment"), r"for --label-column .*Did you mean sentiment\?"),
        (TableOptions(group="film"), r"for --group-column 'film'.*Known: id, id, review, sent"),
        (TableOptions(split="x"), r"for --split-column 'x'"),
        (TableOptions(text="sentiment"), "text and label must be two columns, but both are"),
        (TableOptions(group="id"), "the group must be one column, but data.csv has 2 called 'id'"),
        (TableOptions(text="none"), r"lacks text\. Its columns: review, sentiment"),
    ],
)
def test_a_mistyped_column_is_refused_with_the_known_ones(
    options: TableOptions, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        choose(["review", "sentiment", "id", "id"], options, "data.csv")


def test_of_a_thousand_columns_not_all_are_named() -> None:
    names = [f"column {n}" for n in range(1_000)]
    with pytest.raises(UserError, match=r"column 19, and 980 more\."):
        choose(names, GUESSED, "data.csv")
    with pytest.raises(UserError, match=r"one of the 1,000 columns of data.csv, but got 'words'"):
        choose(names, TableOptions(text="words"), "data.csv")


def test_a_table_is_read_again_as_its_record_says(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("review,sentiment,group\ncafé,x,1\nb,y,2\n", "utf-16")
    first = read(path, TableOptions(group="none", encoding="utf-16"))
    assert first == Parts(Texts(["café", "b"], ["x", "y"]))
    record = build_data(columns=first.columns, encoding="utf-16", test_share=0.1)
    again = as_recorded(record)
    assert again == TableOptions("review", "sentiment", "none", "none", "utf-16", 0.1)
    assert read(path, again) == first
    assert as_recorded(build_data()) == GUESSED


def test_a_row_without_a_group_is_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label,movie\na,x,one\nb,x,\nc,y,one\nd,y,\n")
    groups = read(path).train.groups
    assert groups is not None
    assert groups[0] == groups[2] == "one"
    assert len(set(groups)) == 3
