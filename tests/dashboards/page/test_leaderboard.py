"""The leaderboard lists every trial that counts, candidates first, with what varied."""

from __future__ import annotations

from dataclasses import replace

from dashboards.page.leaderboard import board
from tests.builders import build_search, build_study, build_trial
from tests.dashboards.odd import ODD
from tracking.records import StudyRecord


def _rows(*studies: StudyRecord) -> list[dict[str, object]]:
    shown = board(*studies)
    names = [name for name, _ in shown.columns]
    return [dict(zip(names, row, strict=True)) for row in shown.rows]


def test_candidates_are_ranked_and_the_others_follow_with_what_they_had_reached() -> None:
    study = build_study(
        build_trial(0, 0.80, 0.85, 0.84),
        build_trial(1, 0.90, 0.91, state="pruned"),
        build_trial(2, 0.86),
        build_trial(3, state="failed", epochs=()),
        build_trial(4, 0.99, state="interrupted"),
    )

    rows = _rows(study)

    assert [(row["rank"], row["trial"], row["state"]) for row in rows] == [
        (1, 2, "complete"),
        (2, 0, "complete"),
        (None, 1, "pruned"),
        (None, 3, "failed"),
        (None, 4, "interrupted"),
    ]
    assert [row["accuracy %"] for row in rows] == [86.0, 85.0, 91.0, None, 99.0]
    assert (rows[1]["best epoch"], rows[1]["epochs"], rows[1]["gap"]) == (2, 3, 6.0)


def test_hyperparameters_that_varied_have_a_column_the_others_none() -> None:
    study = build_study(
        build_trial(0, params={"a": 1, "b": 1, "c": 1}), build_trial(1, params={"a": 2, "b": 1})
    )

    (first, second) = _rows(study)

    assert (first["a"], second["a"]) == (1, 2)
    assert (first["c"], second["c"]) == (1, None)
    assert "b" not in first


def test_a_test_evaluation_has_a_column_where_there_was_one() -> None:
    assert [row["test %"] for row in _rows(ODD["a reproduction"])] == [86.1, 87.0]
    assert "test %" not in _rows(build_study(build_trial(0)))[0]


def test_the_reason_of_an_end_has_a_column_where_there_is_one() -> None:
    poor = build_trial(1, 0.7, state="pruned", reason="after epoch 1: 70.00 %, below the best")
    assert [row["reason"] for row in _rows(build_study(build_trial(0), poor))] == [
        None,
        "after epoch 1: 70.00 %, below the best",
    ]
    assert "reason" not in _rows(build_study(build_trial(0)))[0]


def test_families_and_studies_have_a_column_where_there_are_several() -> None:
    study = build_search(10, 2)
    other = replace(study, plan=replace(study.plan, study="other"))

    assert {row["family"] for row in _rows(study)} == {"lstm", "cnn"}
    assert "study" not in _rows(study)[0]
    assert {row["study"] for row in _rows(study, other)} == {"search", "other"}


def test_hostile_values_are_plain_text_of_a_bearable_length() -> None:
    for row in board(ODD["hostile"]).rows:
        for cell in row:
            assert cell is None or isinstance(cell, (int, float)) or len(cell) <= 400
            assert "\u202e" not in str(cell)
