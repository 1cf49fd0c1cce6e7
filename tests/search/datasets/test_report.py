"""What is in a data set is counted before anything is trained, kept on record, and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.datasets.cache import Dataset, load
from search.datasets.columns import TableOptions
from tests.builders import build_plan
from tracking import store
from tracking.commandline.errors import UserError
from tracking.records import DataReportRecord, PartReportRecord
from tracking.reporting import data_summary


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        *(f"word number{i},x,train" for i in range(10)),
        *(f"word number{i} and more,y,train" for i in range(10)),
        "word number0,x,train",  # repeated
        "word number1,y,train",  # with another label
        "!!!,X,train",
        *("rare,X,train" for _ in range(6)),
        ",x,train",
        "unknown,,train",
        *(f"fine {i},x,validation" for i in range(4)),
        "word number2,x,validation",
        "word number2,x,test",
        "new,y,test",
    ]
    (tmp_path / "table.csv").write_text("\n".join(["text,label,split", *rows]))
    return tmp_path / "table.csv"


def test_everything_is_counted(table: Path) -> None:
    found = load(str(table), quiet).report
    assert found is not None
    assert found.parts["train"] == PartReportRecord(
        n_texts=29,
        classes={"X": 7, "x": 11, "y": 11},
        words=(0, 2, 2, 4, 4, 4),
        n_repeated=7,
        n_conflicting=1,
        n_wordless=1,
    )
    assert found.parts["test"].classes == {"X": 0, "x": 1, "y": 1}
    assert (found.n_unlabelled, found.left_out) == (1, {"without a text": 1})
    assert found.in_two_parts == {
        "train, validation": 1,
        "train, test": 1,
        "validation, test": 1,
    }
    assert found.n_words == 14  # word, number0 to number9, and, more, rare
    assert found.n_words_twice == 14
    assert found.alike == (("X", "x"),)


def test_it_is_said_line_by_line(table: Path) -> None:
    assert data_summary.lines(load(str(table), quiet)) == [
        "train: 29 texts; x 38 %, y 38 %, X 24 %; words: median 2, half of them 2 to 4, 95 % at "
        "most 4, longest 4",
        "validation: 5 texts; x 100 %, X 0 %, y 0 %; words: median 2, half of them 2 to 2, 95 % "
        "at most 2, longest 2",
        "test: 2 texts; x 50 %, y 50 %, X 0 %; words: median 1, half of them 1 to 2, 95 % at most "
        "2, longest 2",
        "words: 14 different ones in train, 14 of them at least twice",
        "1 row without a text: left out",
        "1 row without a label",
        "train: 7 texts repeat another one",
        "train: 1 text has more than one label, so no model can be right on all of them",
        "train: 1 text without a word",
        "1 text of validation in train too, so accuracy on validation looks better than it is",
        "1 text of test in train too, so accuracy on test looks better than it is",
        "1 text of test in validation too, so accuracy on test looks better than it is",
        "labels 'X' and 'x' differ in case or spaces alone, and count as two classes",
        "few: with 5 texts for validation an accuracy is known to about 43.8 points either way "
        "(95 % interval); 384 make it 5.0",
        "few: with 2 texts for test an accuracy is known to about 69.3 points either way (95 % "
        "interval); 384 make it 5.0",
        "few: fewer than 50 training texts of X (7), x (11), y (11)",
    ]


def test_records_that_do_not_say_are_said_nothing_of() -> None:
    data = build_plan().data
    assert (data_summary.lines(data), data_summary.rows(data)) == ([], [])


def test_the_report_stays_on_record(table: Path, tmp_path: Path) -> None:
    options = TableOptions(encoding="utf-8")
    data = load(str(table), quiet, options=options)
    assert isinstance(data.report, DataReportRecord)
    plan = build_plan(data=data.record)
    store.open_study(tmp_path / "mlruns", plan, fresh=False)
    recorded = store.read_study(tmp_path / "mlruns", plan.study).plan.data
    assert recorded == data.record
    assert recorded.columns == {
        "text": "text",
        "label": "label",
        "group": "none",
        "split": "split",
    }


def numbers(data: Dataset, part: str) -> list[int]:
    """Return the groups of a part's texts."""
    groups = data.groups(part)
    assert groups is not None
    return [int(group) for group in groups]


def test_a_test_part_is_held_out_where_a_share_is_asked_for(tmp_path: Path) -> None:
    rows = [f"text {i},{'xy'[i % 2]},{i // 4}" for i in range(400)]
    (tmp_path / "many.csv").write_text("\n".join(["text,label,group", *rows, *rows[:20]]))
    data = load(str(tmp_path / "many.csv"), quiet, options=TableOptions(test_share=0.3))
    assert data.n_texts["test"] == pytest.approx(126, abs=12)
    assert data.n_texts["validation"] == pytest.approx(59, abs=12)
    opened = data.open_test("a test of the split")
    groups = {part: set(numbers(opened, part)) for part in opened.n_texts}
    assert not groups["test"] & (groups["train"] | groups["validation"])
    assert data.report is not None
    assert data.report.in_two_parts == {}
    assert data.test_share == 0.3


def test_a_share_for_test_is_refused_where_there_is_a_test_part(table: Path) -> None:
    with pytest.raises(UserError, match=r"--test-share means nothing to .*: it has a test part"):
        load(str(table), quiet, options=TableOptions(test_share=0.2))


def test_options_of_a_table_are_refused_for_the_reviews() -> None:
    with pytest.raises(UserError, match="are for a table, not imdb-train"):
        load("imdb-train", quiet, options=TableOptions(text="review"))


def test_ratings_are_classes_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    rows = [f"text {i},{1 + i % 10}" for i in range(100)]
    (tmp_path / "stars.csv").write_text("\n".join(["text,stars", *rows]))
    classes = load(str(tmp_path / "stars.csv"), quiet).classes
    assert classes == tuple(str(n) for n in range(1, 11))
