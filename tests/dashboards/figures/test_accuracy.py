"""The figure of all candidates shows each of them, with its interval, against the baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.figures.absent import Absent
from dashboards.figures.results import accuracy
from dashboards.figures.results.accuracy import Point
from dashboards.figures.training import overfitting
from search.engines.names import SAMPLERS
from tests.builders import LABELLED_ONLY, MAAS, build_simple_baseline, build_study, build_trial
from tracking.records import StudyRecord


@pytest.fixture
def study() -> StudyRecord:
    return build_study(
        build_trial(0, 0.80, 0.85),
        build_trial(1, 0.86, 0.84, proposed_by="lstm-2016"),
        build_trial(2, 0.70, state="pruned"),
        build_trial(3, 0.70, state="failed"),
        build_trial(4, 0.60, state="interrupted"),
        build_trial(5, 0.88, 0.89, proposed_by="tpe"),
        build_trial(6, 0.81, proposed_by="random"),
    )


def test_the_table_lists_the_candidates_in_the_order_they_were_tried(study) -> None:
    rows = accuracy.table(study)

    assert [(point.label, point.group, point.accuracy) for point in rows.points] == [
        ("trial 0", "defaults", 0.85),
        ("trial 1", "reference", 0.86),
        ("trial 5", "search", 0.89),
        ("trial 6", "search", 0.81),
    ]
    (point,) = (point for point in rows.points if point.group == "reference")
    assert point == Point(
        1, "trial 1", "reference", 0.86, 0.86 - 0.01, 0.86 + 0.01, point.candidate
    )
    assert point.candidate is not None
    assert point.candidate.proposed_by == "lstm-2016"
    assert rows.baselines == (MAAS, LABELLED_ONLY)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_trial_of_any_sampler_is_of_the_search(sampler: str) -> None:
    rows = accuracy.table(build_study(build_trial(1, proposed_by=sampler)))

    assert rows.points[0].group == "search"


def test_a_study_without_candidates_has_no_figure_of_them() -> None:
    study = build_study(build_trial(0, state="pruned"), build_trial(1, state="failed"))

    with pytest.raises(Absent, match="No trial has finished"):
        accuracy.table(study)


def test_the_sentence_counts_those_above_and_below_the_baseline() -> None:
    study = build_study(build_trial(0, 0.80), build_trial(1, 0.8889), build_trial(2, 0.95))

    assert accuracy.sentence(accuracy.table(study)) == (
        "3 candidates: 1 with the whole 95 % interval above 88.89 %, 1 below it, 1 that cannot be "
        "told apart from it."
    )


def test_of_many_candidates_the_best_are_drawn_and_a_band_of_all() -> None:
    study = build_study(*(build_trial(n, 0.5 + n / 2_000) for n in range(500)))

    rows = accuracy.table(study)

    assert [point.label for point in rows.points] == [f"trial {n}" for n in range(400, 500)]
    assert len(rows.bins) == 72
    assert all(bin_.low <= bin_.middle <= bin_.high for bin_ in rows.bins)
    assert rows.n_candidates == 500
    assert "the best 100" in accuracy.sentence(rows)


def test_the_figure_has_a_mark_for_each_row(study) -> None:
    rows = accuracy.table(study)

    figure = accuracy.draw(rows)

    marks = {}
    for trace in figure.data:
        bars = zip(trace.error_y.arrayminus, trace.error_y.array, strict=True)
        for x, y, proposed_by, (down, up) in zip(trace.x, trace.y, trace.text, bars, strict=True):
            marks[x] = (trace.name, proposed_by, y, y - down, y + up)
    assert len(marks) == len(rows.points)
    for point in rows.points:
        group, said, *values = marks[point.place]
        assert group == point.group
        assert point.candidate is not None
        assert point.candidate.proposed_by in said
        assert values == pytest.approx([point.accuracy, point.low, point.high], abs=1e-12)


def test_simple_baselines_stand_before_the_trials_and_guessing_is_left_to_words(study) -> None:
    simple_baselines = (
        build_simple_baseline("majority", 0.5),
        build_simple_baseline("tfidf_logistic", 0.88),
    )
    rows = accuracy.table(replace(study, simple_baselines=simple_baselines))

    assert [(p.label, p.group) for p in rows.points[:2]] == [
        ("tfidf_logistic", "simple baseline"),
        ("trial 0", "defaults"),
    ]


def test_the_figure_keeps_the_order_of_the_trials(study) -> None:
    figure = accuracy.draw(accuracy.table(study))

    assert tuple(figure.layout.xaxis.tickvals) == (0, 1, 2, 3)
    assert tuple(figure.layout.xaxis.ticktext) == ("trial 0", "trial 1", "trial 5", "trial 6")


def test_each_baseline_is_a_line_that_can_be_seen(study) -> None:
    figure = accuracy.draw(accuracy.table(study))

    lines = figure.layout.shapes
    assert [(line.y0, line.y1) for line in lines] == [(0.8889, 0.8889), (0.8833, 0.8833)]
    assert all(line.line.width > 0 for line in lines)
    labels = [note.text for note in figure.layout.annotations]
    assert any("88.89" in label and MAAS.name in label for label in labels)
    assert any("88.33" in label and LABELLED_ONLY.name in label for label in labels)


def test_data_without_baselines_has_no_line() -> None:
    figure = accuracy.draw(accuracy.table(build_study(build_trial(0), baselines=())))

    assert len(figure.layout.shapes) == 0
    assert len(figure.data) == 1


def test_where_a_study_has_several_families_each_trial_is_named_with_its_own(study) -> None:
    several = replace(study, plan=replace(study.plan, families=("lstm", "cnn")))
    labels = [point.label for point in accuracy.table(several).points]
    assert labels == ["trial 0 lstm", "trial 1 lstm", "trial 5 lstm", "trial 6 lstm"]
    assert overfitting.table(several)[0].title == "trial 5 lstm, tpe"
