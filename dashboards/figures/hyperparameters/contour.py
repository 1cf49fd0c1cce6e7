"""Expected accuracy over two hyperparameters: the most important that are numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import (
    Candidate,
    address,
    candidates,
    hover,
    no_candidates,
    thin,
)
from dashboards.page.forest import FEWEST, ranked, surface
from dashboards.page.ranges import NumberRange, number, parse
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import percent
from tracking.records import StudyRecord, TrialRecord

_SIDE = 30  # points of the grid a side


@dataclass(frozen=True)
class ContourRows:
    """A grid of expectations, and what was observed.

    Attributes:
        expected: rows by the second name, columns by the first.
        points: candidates with their two values.
        passed_over: more important ones that are not drawn, each with the reason.
    """

    names: tuple[str, str]
    log: tuple[bool, bool]
    first: tuple[float, ...]
    second: tuple[float, ...]
    expected: tuple[tuple[float, ...], ...]
    points: tuple[tuple[Candidate, float, float], ...]
    passed_over: tuple[tuple[str, str], ...]

    @property
    def peak(self) -> tuple[float, float, float]:
        """Where most is expected: first, second, accuracy."""
        values = np.array(self.expected)
        row, column = np.unravel_index(values.argmax(), values.shape)
        return self.first[column], self.second[row], float(values[row, column])


def table(study: StudyRecord) -> ContourRows:
    """Expect accuracies on a grid.

    Raises:
        Absent: if there are too few candidates, or no two numbers that matter.
    """
    if study.reproduces:
        raise no_candidates(study)
    if len(study.candidates) < FEWEST:
        n = len(study.candidates)
        raise Absent(f"It takes {FEWEST} candidates to expect anything; there are {n}.")
    pair, passed_over = _pair(study)
    if len(pair) < 2:
        raise Absent("There are no two numeric hyperparameters that are known to matter.")
    (one, first), (two, second) = pair
    trials = [
        trial
        for trial in study.candidates
        if _at(trial, one) is not None and _at(trial, two) is not None
    ]
    grid = np.array([(x, y) for y in _axis(second) for x in _axis(first)])
    expected = surface(trials, (one, two), grid).reshape(_SIDE, _SIDE)
    rows = {row.number: row for row in candidates(study)}
    return ContourRows(
        names=(one, two),
        log=(first.log, second.log),
        first=tuple(_axis(first)),
        second=tuple(_axis(second)),
        expected=tuple(tuple(float(value) for value in row) for row in expected),
        points=tuple(
            (rows[trial.number], float(_at(trial, one) or 0), float(_at(trial, two) or 0))
            for trial in thin(trials, 300)
        ),
        passed_over=passed_over,
    )


def sentence(rows: ContourRows) -> str:
    """Say where most is expected, and why these two are drawn."""
    first, second, accuracy = rows.peak
    one, two = (plain(name) for name in rows.names)
    more = "".join(
        f" {plain(name)} matters more, but {reason}." for name, reason in rows.passed_over
    )
    return (
        f"A random forest on {one} and {two} alone expects most, {percent(accuracy)}, around "
        f"{one} {_round(first)} and {two} {_round(second)}; "
        "points are candidates. Far from points it is a guess."
        f"{more}"
    )


def draw(rows: ContourRows) -> go.Figure:
    """Draw the expectation as contours, the candidates as points."""
    figure = go.Figure()
    figure.add_contour(
        x=rows.first,
        y=rows.second,
        z=[[round(value, 5) for value in row] for row in rows.expected],
        colorscale=style.SCALE,
        contours={"coloring": "heatmap"},
        line={"width": 0.5},
        colorbar={"tickformat": ".1%", "title": {"text": "expected"}},
        hovertemplate="%{x:.3g}, %{y:.3g}<br>%{z:.2%} expected<extra></extra>",
    )
    figure.add_scatter(
        x=[first for _, first, _ in rows.points],
        y=[second for _, _, second in rows.points],
        mode="markers",
        marker={
            "color": [row.accuracy for row, _, _ in rows.points],
            "colorscale": style.SCALE,
            "size": 9,
            "line": {"color": "#ffffff", "width": 1.5},
        },
        text=[hover(row) for row, _, _ in rows.points],
        customdata=[address(row) for row, _, _ in rows.points],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    one, two = (ink(name) for name in rows.names)
    style.layout(figure, height=460, margin_t=20)
    first, second = (
        style.log_axis(min(values), max(values)) if log else {}
        for values, log in zip((rows.first, rows.second), rows.log, strict=True)
    )
    figure.update_xaxes(title_text=one, **first)
    return figure.update_yaxes(title_text=two, **second)


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"


def _pair(
    study: StudyRecord,
) -> tuple[list[tuple[str, NumberRange]], tuple[tuple[str, str], ...]]:
    """Return the first two that are numbers and meet in enough candidates, and who was before."""
    found: list[tuple[str, NumberRange]] = []
    passed_over: list[tuple[str, str]] = []
    for name in ranked(study):
        range_ = parse(study.plan.space[name])
        names = [*(known for known, _ in found), name]
        together = [t for t in study.candidates if all(_at(t, n) is not None for n in names)]
        if range_ is None or range_.low >= range_.high:
            passed_over.append((name, "is not a number"))
        elif len(together) < FEWEST:
            passed_over.append((name, "too few candidates have it together with the first"))
        else:
            found.append((name, range_))
        if len(found) == 2:
            break
    return found, tuple(passed_over)


def _at(trial: TrialRecord, name: str) -> float | None:
    return number(trial.params.get(name))


def _axis(range_: NumberRange) -> NDArray[np.float64]:
    if range_.log and range_.low > 0:
        return np.geomspace(range_.low, range_.high, _SIDE)
    return np.linspace(range_.low, range_.high, _SIDE)
