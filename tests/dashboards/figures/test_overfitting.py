"""The figure of the curves shows each epoch of the best candidates, and the one that was kept."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from dashboards.figures.absent import Absent
from dashboards.figures.training import overfitting
from tests.builders import build_study, build_trial


def _traces(figure: go.Figure, name: str) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.name == name]


def test_a_curve_holds_both_accuracies_of_each_epoch() -> None:
    trial = build_trial(3, 0.80, 0.86, 0.84, proposed_by="lstm-2016")

    curve = overfitting.curve(trial)

    assert curve.title == "trial 3, lstm-2016"
    assert curve.epochs == (1, 2, 3)
    assert curve.validation == (0.80, 0.86, 0.84)
    assert curve.train == tuple(epoch.train_accuracy for epoch in trial.epochs)
    assert curve.kept == 2


def test_the_curve_of_a_pruned_trial_keeps_no_epoch() -> None:
    assert overfitting.curve(build_trial(1, 0.5, 0.6, state="pruned")).kept is None


def test_the_table_has_the_best_candidates_the_best_first() -> None:
    study = build_study(
        build_trial(0, 0.80),
        build_trial(1, 0.99, state="pruned"),
        *(build_trial(number, 0.70 + number / 100) for number in range(2, 11)),
    )

    assert [curve.title for curve in overfitting.table(study, n=3)] == [
        "trial 0, defaults",
        "trial 10, tpe",
        "trial 9, tpe",
    ]
    assert len(overfitting.table(study)) == 9
    with pytest.raises(Absent, match="No trial has finished"):
        overfitting.table(build_study())


def test_the_sentence_says_what_going_on_would_have_cost() -> None:
    trial = build_trial(0, 0.80, 0.86, 0.85)

    assert overfitting.sentence([overfitting.curve(trial)]) == (
        "The best kept the weights of epoch 2 of 3, where training was 6.0 points above "
        "validation; by its last epoch validation had fallen by 1.0."
    )


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 7])
def test_the_figure_has_two_lines_and_a_kept_epoch_for_each_curve(n: int) -> None:
    study = build_study(*(build_trial(number, 0.80, 0.85, 0.84) for number in range(n)))
    curves = overfitting.table(study, n=n)

    figure = overfitting.draw(curves)

    for name, values in (("train", "train"), ("validation", "validation")):
        traces = _traces(figure, name)
        assert [trace.y for trace in traces] == [getattr(curve, values) for curve in curves]
        assert [trace.x for trace in traces] == [(1, 2, 3)] * n
        assert sum(bool(trace.showlegend) for trace in traces) == 1
    assert [(*trace.x, *trace.y) for trace in _traces(figure, "kept epoch")] == [(2, 0.85)] * n
    assert {note.text for note in figure.layout.annotations} >= {c.title for c in curves}


def test_the_curves_of_a_trial_without_a_score_are_drawn_without_a_kept_epoch() -> None:
    figure = overfitting.draw([overfitting.curve(build_trial(0, 0.5, 0.6, state="failed"))])

    assert len(figure.data) == 2
    assert _traces(figure, "kept epoch") == []
