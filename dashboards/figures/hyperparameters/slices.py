"""Accuracy against each hyperparameter, and a warning where the best lies at a range's edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import (
    Candidate,
    address,
    best_of,
    candidates,
    hover,
    marks_of,
    thin,
)
from dashboards.page.forest import ranked
from dashboards.page.ranges import number, parse
from dashboards.page.text import ink, plain, said
from tracking.records import StudyRecord, TrialRecord, Value

_PANELS, _POINTS, _COLUMNS = 15, 300, 3


@dataclass(frozen=True)
class Edge:
    """The best lies where its range ends.

    Attributes:
        side: "lower" or "upper".
    """

    name: str
    value: Value
    side: str
    range: str

    def __str__(self) -> str:
        return (
            f"{plain(self.name)} {said(self.value)} lies at the {self.side} edge of its range, "
            f"{plain(self.range)}"
        )


@dataclass(frozen=True)
class Slice:
    """One hyperparameter.

    Attributes:
        points: candidates that have it, with their values.
        numeric: whether the values are numbers, else they are names.
    """

    name: str
    points: tuple[tuple[Candidate, float | str], ...]
    numeric: bool
    log: bool
    edge: Edge | None


@dataclass(frozen=True)
class SlicesRows:
    """What is drawn.

    Attributes:
        n_left_out: hyperparameters of the best one's family without a panel.
    """

    slices: tuple[Slice, ...]
    best: Candidate
    edges: tuple[Edge, ...]
    n_left_out: int
    marks: dict[str, tuple[str, str]]


def edges(study: StudyRecord) -> tuple[Edge, ...]:
    """List where the best candidate lies at the edge of a range."""
    found = (_edge(study, study.candidates[0], name) for name in study.plan.space)
    return tuple(edge for edge in found if edge is not None)


def table(study: StudyRecord) -> SlicesRows:
    """List the hyperparameters of the best one's family, the most important first.

    Raises:
        Absent: if there is no candidate, or none of them differs from the best.
    """
    rows = candidates(study)
    by_number = {trial.number: trial for trial in study.candidates}
    best = study.candidates[0]
    names = [name for name in study.plan.space if name in best.params]
    if not names:
        raise Absent("The study searches nothing.")
    at_edges = edges(study)
    names = [name for name in names if _varies(study, name) or _is_named(at_edges, name)]
    if not names:
        raise Absent("No hyperparameter of the best one's family differs between candidates.")
    order = ranked(study)
    places = {name: order.index(name) if name in order else len(order) for name in names}
    names.sort(key=lambda name: places[name])
    kept = thin(sorted(rows, key=lambda row: -row.accuracy), _POINTS)
    return SlicesRows(
        slices=tuple(_slice(study, name, kept, by_number) for name in names[:_PANELS]),
        best=best_of(rows),
        edges=at_edges,
        n_left_out=max(0, len(names) - _PANELS),
        marks=marks_of(study),
    )


def sentence(rows: SlicesRows) -> str:
    """Warn of edges."""
    if rows.edges:
        said = f"Warning: of the best, {'; '.join(map(str, rows.edges))}. Better values may lie "
        said += "beyond: widen what can be widened."
    else:
        said = "The best lies inside each range that could be wider."
    if rows.n_left_out:
        said += f" Shown are the first {_PANELS}; {rows.n_left_out} more have no panel."
    return said


def draw(rows: SlicesRows) -> go.Figure:
    """Draw a panel for each hyperparameter, the best circled."""
    n = len(rows.slices)
    columns = min(_COLUMNS, n)
    n_rows = -(-n // columns)
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.36 / n_rows if n_rows > 1 else 0.0,
    )
    for place, slice_ in enumerate(rows.slices):
        row, column = place // columns + 1, place % columns + 1
        _draw_one(figure, rows, slice_, row, column)
        title = f"{ink(slice_.name, 26)}{', edge' if slice_.edge else ''}"
        figure.update_xaxes(title={"text": title, "font_size": 12}, row=row, col=column)
    figure.update_yaxes(tickformat=".1%")
    figure.update_yaxes(title_text="validation", col=1)
    style.layout(figure, height=100 + 220 * n_rows)
    return figure.update_layout(legend_y=1 + 14 / (220 * n_rows))


def _draw_one(figure: go.Figure, rows: SlicesRows, slice_: Slice, row: int, column: int) -> None:
    first = row == 1 and column == 1
    best = [pair for pair in slice_.points if pair[0].number == rows.best.number]
    for group, (colour, symbol) in rows.marks.items():
        points = [pair for pair in slice_.points if pair[0].group == group]
        if points or first:
            _add(figure, points, group, row, column, color=colour, symbol=symbol, size=7)
    ring = {"symbol": "circle-open", "size": 16, "line": {"width": 2.5}}
    colour = style.TRAIN if slice_.edge else style.GREY
    _add(figure, best, "best", row, column, color=colour, **ring)
    figure.update_xaxes(**_x_axis(slice_), row=row, col=column)


def _x_axis(slice_: Slice) -> dict[str, Any]:
    values = [value for _, value in slice_.points if not isinstance(value, str)]
    if not slice_.numeric:
        return {"type": "category"}
    if slice_.log and values:
        return style.log_axis(min(values), max(values))
    few = values and max(values) - min(values) <= _COLUMNS * 2
    return {"dtick": 1} if few and all(value == round(value) for value in values) else {}


def _add(
    figure: go.Figure,
    points: Sequence[tuple[Candidate, float | str]],
    group: str,
    row: int,
    column: int,
    **marker: object,
) -> None:
    figure.add_scatter(
        x=[value for _, value in points],
        y=[candidate.accuracy for candidate, _ in points],
        mode="markers",
        marker=marker,
        text=[hover(candidate) for candidate, _ in points],
        customdata=[address(candidate) for candidate, _ in points],
        hovertemplate="%{text}<br>%{x}<extra></extra>",
        name=ink(group),
        legendgroup=ink(group),
        showlegend=row == 1 and column == 1,
        row=row,
        col=column,
    )


def _slice(
    study: StudyRecord, name: str, rows: Sequence[Candidate], trials: dict[int, TrialRecord]
) -> Slice:
    known = [(row, trials[row.number].params[name]) for row in rows if _has(trials, row, name)]
    numeric = all(number(value) is not None for _, value in known)
    range_ = parse(study.plan.space[name])
    log = numeric and range_ is not None and range_.log
    points = tuple(
        (row, float(value) if numeric else ink(value, 20))
        for row, value in known
        if not log or float(value) > 0
    )
    return Slice(name, points, numeric, log, _edge(study, study.candidates[0], name))


def _varies(study: StudyRecord, name: str) -> bool:
    values = {repr(t.params[name]) for t in study.candidates if name in t.params}
    return len(values) > 1


def _is_named(found: Sequence[Edge], name: str) -> bool:
    return any(edge.name == name for edge in found)


def _has(trials: dict[int, TrialRecord], row: Candidate, name: str) -> bool:
    return name in trials[row.number].params


def _edge(study: StudyRecord, trial: TrialRecord, name: str) -> Edge | None:
    words = study.plan.space[name]
    value = trial.params.get(name)
    at, range_ = number(value), parse(words)
    if value is None or at is None or range_ is None:
        return None
    stopped = trial.score is not None and trial.score.best_epoch < at
    if name == "train.epochs" and stopped:
        return None  # a limit that it did not meet
    side = range_.edge(at)
    return Edge(name, value, side, words) if side else None
