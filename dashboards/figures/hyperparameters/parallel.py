"""Parallel coordinates: each candidate a line through its hyperparameters, to brush."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import no_candidates, thin
from dashboards.page.forest import ranked
from dashboards.page.ranges import number, parse
from dashboards.page.text import plain
from tracking.commandline.formatting import percent
from tracking.records import StudyRecord, TrialRecord, Value

_AXES, _LINES, _TICKS, _CHOICES = 10, 1_000, 5, 12


@dataclass(frozen=True)
class Axis:
    """One hyperparameter.

    Attributes:
        values: places on the axis; of a logarithmic one the logarithms to base 10.
        ticks: places that are named; all others go unnamed.
    """

    name: str
    values: tuple[float, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class ParallelRows:
    """What is drawn.

    Attributes:
        best: of the best tenth of the candidates, the span of the most important number.
    """

    axes: tuple[Axis, ...]
    accuracies: tuple[float, ...]
    n_candidates: int
    n_left_out: int
    best: str


def table(study: StudyRecord) -> ParallelRows:
    """Place each candidate on each hyperparameter that all of them have.

    Raises:
        Absent: if there are fewer than two candidates, or nothing differs between them.
    """
    trials = study.candidates
    if study.reproduces:
        raise no_candidates(study)
    if len(trials) < 2:
        raise Absent(f"It takes two candidates to compare any; there are {len(trials)}.")
    order = ranked(study)
    names = [
        name
        for name in study.plan.space
        if all(name in trial.params for trial in trials)
        and len({repr(trial.params[name]) for trial in trials}) > 1
    ]
    if not names:
        raise Absent("No hyperparameter that all candidates have differs between them.")
    names.sort(key=lambda name: order.index(name) if name in order else len(order))
    kept = thin(trials, _LINES)
    return ParallelRows(
        axes=tuple(_axis(study, name, kept) for name in names[:_AXES]),
        accuracies=tuple(trial.score.val_accuracy for trial in kept if trial.score is not None),
        n_candidates=len(trials),
        n_left_out=len(names) - len(names[:_AXES]),
        best=_best(names[0], trials),
    )


def sentence(rows: ParallelRows) -> str:
    """Say what the best have in common, and how to brush."""
    said = (
        f"{rows.best} Orange lines are better, blue ones worse. Drag along an axis to keep the "
        "lines that pass there; click beside the mark to let go; drag an axis by its name to "
        "move it."
    )
    if rows.n_left_out:
        said += f" {rows.n_left_out} less important hyperparameters have no axis."
    if len(rows.accuracies) < rows.n_candidates:
        said += f" Drawn are {len(rows.accuracies):,} of {rows.n_candidates:,} candidates."
    return said


def draw(rows: ParallelRows) -> go.Figure:
    """Draw a line for each candidate, its colour the accuracy."""
    dimensions = [
        {
            "label": _cut(axis.name),
            "values": axis.values,
            "tickvals": [place for place, _ in axis.ticks],
            "ticktext": [text for _, text in axis.ticks],
        }
        for axis in rows.axes
    ]
    ends = _ticks(rows.accuracies, log=False)
    accuracy = {
        "label": "accuracy",
        "values": rows.accuracies,
        "tickvals": [place for place, _ in ends],
        "ticktext": [percent(place) for place, _ in ends],
    }
    colour = {
        "color": rows.accuracies,
        "colorscale": style.LINES,
        "showscale": True,
        "colorbar": {"tickformat": ".1%"},
    }
    figure = go.Figure(
        go.Parcoords(
            dimensions=[*dimensions, accuracy],
            line=colour,
            labelangle=-20,
            labelside="bottom",
            unselected={"line": {"color": style.GREY, "opacity": 0.08}},
        )
    )
    margin = {"l": 110, "r": 30, "t": 30, "b": 110}
    return style.layout(figure, height=460, margin=margin)


def _axis(study: StudyRecord, name: str, trials: Sequence[TrialRecord]) -> Axis:
    values = [trial.params[name] for trial in trials]
    numbers = [number(value) for value in values]
    known = [value for value in numbers if value is not None]
    if len(known) < len(values):
        return _choices(name, values)
    range_ = parse(study.plan.space[name])
    if range_ is not None and range_.log and min(known) > 0:
        places = [math.log10(value) for value in known]
        return Axis(name, tuple(places), _ticks(places, log=True))
    return Axis(name, tuple(known), _ticks(known, log=False))


def _choices(name: str, values: Sequence[Value]) -> Axis:
    options = sorted({repr(value): value for value in values}.items())
    places = {text: float(place) for place, (text, _) in enumerate(options)}
    step = -(-len(options) // _CHOICES)
    ticks = [(places[text], plain(value, 16)) for text, value in options[::step]]
    return Axis(name, tuple(places[repr(value)] for value in values), tuple(ticks))


def _ticks(places: Sequence[float], *, log: bool) -> tuple[tuple[float, str], ...]:
    low, high = min(places), max(places)
    distinct = sorted(set(places))
    near = any(b - a < (high - low) / 12 for a, b in itertools.pairwise(distinct))
    if len(distinct) > _TICKS or near:
        distinct = [low + (high - low) * step / (_TICKS - 1) for step in range(_TICKS)]
    return tuple((place, _said(10**place if log else place)) for place in distinct)


def _said(value: float) -> str:
    return f"{round(value):,}" if abs(value) >= 100 else f"{value:.3g}"


def _best(name: str, trials: Sequence[TrialRecord]) -> str:
    best = trials[: max(1, len(trials) // 10)]
    values = [number(trial.params[name]) for trial in best]
    known = [value for value in values if value is not None]
    last = best[-1].score
    assert last is not None
    who = "The best" if len(best) == 1 else f"The best {len(best)}"
    if len(known) < len(values):
        found = ", ".join(sorted({plain(trial.params[name], 20) for trial in best}))
    elif min(known) == max(known):
        found = _said(min(known))
    else:
        found = f"{_said(min(known))} to {_said(max(known))}"
    return (
        f"{who}, from {percent(last.val_accuracy)} on, {'has' if len(best) == 1 else 'have'} "
        + (f"{plain(name)} {found}.")
    )


def _cut(name: str) -> str:
    return plain(name, 22)
