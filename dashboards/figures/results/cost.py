"""Accuracy against minutes and against parameters, with the Pareto front of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.results.candidates import (
    Candidate,
    address,
    best_of,
    candidates,
    hover,
    marks_of,
    thinned,
)
from dashboards.page.text import ink
from tracking.commandline.formatting import duration, percent
from tracking.records import BaselineRecord, StudyRecord
from tracking.reporting.comparison import lines

Cost = Callable[[Candidate], float | None]  # None where it is not known

_AXES: tuple[tuple[str, Cost], ...] = (
    ("minutes of the trial", lambda row: row.minutes),
    ("parameters", lambda row: row.n_parameters),
)


@dataclass(frozen=True)
class CostRows:
    """The candidates that are drawn, and the front of each axis.

    Attributes:
        fronts: those that no other beats at no more cost, the cheapest first; for each axis.
        cheapest: the least minutes among those within the best one's interval.
    """

    points: tuple[Candidate, ...]
    fronts: tuple[tuple[Candidate, ...], ...]
    best: Candidate
    cheapest: Candidate
    said: str
    marks: dict[str, tuple[str, str]]
    baselines: tuple[BaselineRecord, ...]


def table(*studies: StudyRecord) -> CostRows:
    """List the candidates and the two fronts.

    Raises:
        Absent: if there is no candidate.
    """
    rows = candidates(*studies)
    best = best_of(rows)
    near = [row for row in rows if row.accuracy >= best.low]
    points, said = thinned(rows)
    return CostRows(
        points=tuple(points),
        fronts=tuple(front(rows, cost) for _, cost in _AXES),
        best=best,
        cheapest=min(near, key=lambda row: row.minutes),
        said=said,
        marks=marks_of(*studies),
        baselines=lines(studies[0]),
    )


def front(rows: Sequence[Candidate], cost: Cost) -> tuple[Candidate, ...]:
    """Keep those that no other beats at no more cost, the cheapest first."""
    kept: list[Candidate] = []
    known = [(value, row) for row in rows if (value := cost(row)) is not None]
    for _, row in sorted(known, key=lambda pair: (pair[0], -pair[1].accuracy)):
        if not kept or row.accuracy > kept[-1].accuracy:
            kept.append(row)
    return tuple(kept)


def sentence(rows: CostRows) -> str:
    """Name the cheapest that is as good as the best within chance."""
    best, cheapest = rows.best, rows.cheapest
    said = f"The best, {best.label}, took {duration(60 * best.minutes)}"
    if cheapest is best:
        return f"{said}; nothing within its interval took less.{rows.said}"
    n = cheapest.n_parameters
    size = "" if n is None else f" with {n:,} parameters"
    return (
        f"{said}; {cheapest.label} reaches {percent(cheapest.accuracy)}, within its interval, in "
        f"{duration(60 * cheapest.minutes)}{size}.{rows.said}"
    )


def draw(rows: CostRows) -> go.Figure:
    """Draw both fronts as steps through the points."""
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    for column, (_, cost) in enumerate(_AXES, start=1):
        for group, (colour, symbol) in rows.marks.items():
            points = [row for row in rows.points if row.group == group]
            if points:
                figure.add_scatter(
                    x=[cost(row) for row in points],
                    y=[row.accuracy for row in points],
                    mode="markers",
                    marker={"color": colour, "symbol": symbol, "size": 9},
                    text=[hover(row) for row in points],
                    customdata=[address(row) for row in points],
                    hovertemplate="%{text}<extra></extra>",
                    name=ink(group),
                    legendgroup=ink(group),
                    showlegend=column == 1,
                    row=1,
                    col=column,
                )
        _draw_front(figure, rows.fronts[column - 1], cost, column)
        for baseline in rows.baselines[:1]:
            line = {"color": style.BASELINE, "dash": "dash", "width": 1.5}
            figure.add_hline(y=baseline.accuracy, line=line, opacity=1, row=1, col=column)
    for column, (title, cost) in enumerate(_AXES, start=1):
        values = [value for row in rows.points if (value := cost(row) or 0) > 0]
        axis = style.log_axis(min(values), max(values)) if values else {}
        figure.update_xaxes(title_text=title, **axis, col=column)
    figure.update_yaxes(tickformat=".1%")
    style.layout(figure, height=420)
    return figure.update_yaxes(title_text="validation accuracy", col=1)


def _draw_front(figure: go.Figure, rows: Sequence[Candidate], cost: Cost, column: int) -> None:
    figure.add_scatter(
        x=[cost(row) for row in rows],
        y=[row.accuracy for row in rows],
        mode="lines",
        line={"color": style.GREY, "shape": "hv", "width": 1.5},
        hoverinfo="skip",
        name="Pareto front",
        legendgroup="Pareto front",
        showlegend=column == 1,
        row=1,
        col=column,
    )
