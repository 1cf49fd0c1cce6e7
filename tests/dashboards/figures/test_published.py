"""The chart of a reproduction: published and ours, with a line between them."""

from __future__ import annotations

import pytest

from dashboards.figures.results import published
from dashboards.page.compose import page
from tests.builders import build_evaluation, build_reference, build_study, build_trial
from tracking.records import StudyRecord


@pytest.fixture
def study() -> StudyRecord:
    evaluation = build_evaluation(0.861)
    pooled = build_evaluation(0.87, official=False)
    return build_study(
        build_trial(0, proposed_by="lstm-2016", score=None, evaluation=evaluation),
        build_trial(1, proposed_by="pooled", score=None, evaluation=pooled),
        space={},
        references=(
            build_reference("lstm-2016", 0.8679),
            build_reference("pooled", None),
            build_reference("not-yet", 0.88),
        ),
    )


def test_the_table_has_a_row_for_each_configuration(study: StudyRecord) -> None:
    pairs = published.table(study).pairs
    assert [(p.name, p.published, p.ours) for p in pairs] == [
        ("lstm-2016", 0.8679, 0.861),
        ("pooled *", None, 0.87),
        ("not-yet", 0.88, None),
    ]
    assert (pairs[0].low, pairs[0].high) == pytest.approx((0.857, 0.865))


def test_the_figure_draws_what_is_known(study: StudyRecord) -> None:
    figure = published.draw(published.table(study))
    drawn = {trace.name: trace for trace in figure.data if trace.name}
    assert dict(zip(drawn["published"].y, drawn["published"].x, strict=True)) == {
        "lstm-2016": 0.8679,
        "not-yet": 0.88,
    }
    assert dict(zip(drawn["ours"].y, drawn["ours"].x, strict=True)) == {
        "lstm-2016": 0.861,
        "pooled *": 0.87,
    }
    (line,) = [trace for trace in figure.data if trace.mode == "lines"]
    assert tuple(line.x) == (0.8679, 0.861)
    assert tuple(figure.layout.yaxis.categoryarray) == ("not-yet", "pooled *", "lstm-2016")


def test_the_page_counts_the_test_evaluations_and_shows_chart_and_table(
    study: StudyRecord,
) -> None:
    html = page([study])
    assert "2 test evaluations" in html
    assert "Learned against published" in html
    assert "<td>-0.69</td>" in html
    assert "No trial has finished yet" not in html
