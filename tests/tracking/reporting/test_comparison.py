"""Published next to ours."""

from __future__ import annotations

import pytest

from tests.builders import build_evaluation, build_reference, build_study, build_trial
from tracking.records import StudyRecord
from tracking.reporting.comparison import compare, evaluations_as_text


@pytest.fixture
def study() -> StudyRecord:
    def trial(number: int, proposed_by: str, accuracy: float, official: bool = True) -> object:
        evaluation = build_evaluation(accuracy, official=official)
        return build_trial(number, proposed_by=proposed_by, score=None, evaluation=evaluation)

    return build_study(
        trial(0, "lstm-2016", 0.86),
        trial(1, "lstm-2016", 0.88),
        trial(2, "pooled", 0.85, official=False),
        build_trial(3, proposed_by="late", score=None, state="failed"),
        space={},
        references=(
            build_reference("lstm-2016", 0.8679, note="a note"),
            build_reference("lstm-2017", 0.8653, trained_as="lstm-2016"),
            build_reference("pooled", None),
            build_reference("late", 0.9),
        ),
    )


def test_each_configuration_has_a_row_in_its_order(study: StudyRecord) -> None:
    rows = compare(study)
    assert [row.reference.name for row in rows] == ["lstm-2016", "lstm-2017", "pooled", "late"]
    assert [row.ours for row in rows] == [(0.86, 0.88), (0.86, 0.88), (0.85,), ()]


def test_the_difference_is_ours_minus_published(study: StudyRecord) -> None:
    first, second, pooled, late = compare(study)
    assert first.accuracy == pytest.approx(0.87)
    assert first.difference == pytest.approx(0.87 - 0.8679)
    assert second.difference == pytest.approx(0.87 - 0.8653)
    assert (pooled.difference, late.difference) == (None, None)


def test_several_seeds_have_a_deviation_and_one_has_none(study: StudyRecord) -> None:
    first, _, pooled, _ = compare(study)
    assert first.deviation == pytest.approx(0.0141421356)
    assert pooled.deviation is None
    assert (first.low, first.high) == pytest.approx((0.866, 0.874))


def test_what_a_reader_must_know_is_said(study: StudyRecord) -> None:
    first, second, pooled, _ = compare(study)
    assert first.remark == "a note"
    assert second.remark == "the same training as lstm-2016"
    assert (first.official, pooled.official) == (True, False)


def test_an_attempt_cut_short_after_its_test_evaluation_is_counted_as_a_test_evaluation_and_is_no_result() -> (
    None
):
    evaluation = build_evaluation(0.86)
    study = build_study(
        build_trial(
            0, proposed_by="lstm-2016", score=None, evaluation=evaluation, state="interrupted"
        ),
        build_trial(1, proposed_by="lstm-2016", score=None, evaluation=evaluation),
        space={},
    )
    (row,) = compare(study)
    assert row.ours == (0.86,)
    assert evaluations_as_text(study).startswith("2 test evaluations")


def test_a_row_says_what_is_not_there(study: StudyRecord) -> None:
    rows = [row.cells() for row in compare(study)]
    assert rows[0] == (
        "lstm-2016",
        "86.79 %",
        "87.00 % ± 1.41",
        "+0.21",
        "86.60 to 87.40",
        "20",
        "a note",
    )
    assert rows[2][1:4] == ("none", "85.00 %", "")
    assert rows[3][2:6] == ("not yet", "", "", "")


def test_every_test_evaluation_is_counted(study: StudyRecord) -> None:
    assert evaluations_as_text(study).startswith("3 test evaluations")
