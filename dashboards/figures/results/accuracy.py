"""Validation accuracy of all candidates and simple baselines, with intervals, against the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.results.candidates import Candidate, address, candidates, hover, marks_of
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import percent
from tracking.records import BaselineRecord, SimpleBaselineRecord, StudyRecord

GUESSING = "majority"  # told in words: its 50 % would press all others into a corner
_SINGLE, _BINS, _LABELLED = 400, 80, 40


@dataclass(frozen=True)
class Point:
    """One candidate or simple baseline with its 95 % interval.

    Attributes:
        place: on the axis, counted from 0.
        candidate: None for a simple baseline.
    """

    place: int
    label: str
    group: str
    accuracy: float
    low: float
    high: float
    candidate: Candidate | None = None


@dataclass(frozen=True)
class Bin:
    """Neighbouring candidates in one: the lowest tenth, the middle, the highest tenth."""

    place: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class AccuracyRows:
    """What is drawn.

    Attributes:
        points: all, or the best ones where there are too many to draw each.
        bins: of all candidates, where there are too many.
        n_above: candidates whose interval lies wholly above the first baseline.
    """

    points: tuple[Point, ...]
    bins: tuple[Bin, ...]
    n_candidates: int
    n_above: int
    n_below: int
    baselines: tuple[BaselineRecord, ...]
    official: bool
    marks: dict[str, tuple[str, str]]


def table(*studies: StudyRecord) -> AccuracyRows:
    """List the simple baselines, then the candidates in the order they were tried.

    Raises:
        Absent: if there is no candidate.
    """
    rows = candidates(*studies)
    simple_baselines = [
        _simple_baseline(study, simple_baseline, several=len(studies) > 1)
        for study in studies
        for simple_baseline in study.simple_baselines
        if simple_baseline.name != GUESSING
    ]
    points = [*simple_baselines, *(_point(row) for row in rows)]
    points = [replace(point, place=place) for place, point in enumerate(points)]
    baselines = studies[0].plan.baselines
    line = baselines[0].accuracy if baselines else 0.0
    n_candidates = len(rows)
    bins: tuple[Bin, ...] = ()
    if n_candidates > _SINGLE:
        bins = _bins(points[len(simple_baselines) :])
        best = sorted(points, key=lambda point: (point.candidate is not None, -point.accuracy))
        points = sorted(
            best[: _SINGLE // 4 + len(simple_baselines)], key=lambda point: point.place
        )
    return AccuracyRows(
        points=tuple(points),
        bins=bins,
        n_candidates=n_candidates,
        n_above=sum(row.low > line for row in rows),
        n_below=sum(row.high < line for row in rows),
        baselines=baselines,
        official=all(study.plan.data.official for study in studies),
        marks={"simple baseline": (style.GREY, "x"), **marks_of(*studies)},
    )


def sentence(rows: AccuracyRows) -> str:
    """Say how many are above the baseline beyond chance."""
    n = rows.n_candidates
    said = f"{n:,} {'candidate' if n == 1 else 'candidates'}"
    if rows.baselines:
        line = percent(rows.baselines[0].accuracy)
        rest = n - rows.n_above - rows.n_below
        said += (
            f": {rows.n_above:,} with the whole 95 % interval above {line}, {rows.n_below:,} "
            f"below it, {rest:,} that cannot be told apart from it"
        )
    simple_baselines = [point for point in rows.points if point.candidate is None]
    if simple_baselines:
        best = max(simple_baselines, key=lambda point: point.accuracy)
        said += f"; the best simple baseline, {best.label}, has {percent(best.accuracy)}"
    if rows.bins:
        said += (
            f". Drawn one by one are the best {_SINGLE // 4}; the band holds the middle "
            "eight tenths of each group of neighbours, the line their median"
        )
    return f"{said}."


def draw(rows: AccuracyRows) -> go.Figure:
    """Draw a point with its interval for each candidate, a line for each baseline."""
    figure = go.Figure()
    _draw_bins(figure, rows.bins)
    for group, (colour, symbol) in rows.marks.items():
        points = [point for point in rows.points if point.group == group]
        if points:
            _draw_points(figure, group, points, colour, symbol)
    style.add_baselines(figure, rows.baselines)
    style.layout(figure, height=460, yaxis={"title": "validation accuracy", "tickformat": ".1%"})
    if len(rows.points) <= _LABELLED and not rows.bins:
        ticks = {
            "tickvals": [point.place for point in rows.points],
            "ticktext": [ink(point.label) for point in rows.points],
        }
        figure.update_xaxes(**ticks)
    else:
        figure.update_xaxes(title_text="in the order they were tried")
    if rows.baselines:
        style.mark_unofficial(figure, official=rows.official)
    return figure


def _draw_bins(figure: go.Figure, bins: Sequence[Bin]) -> None:
    places = [bin_.place for bin_ in bins]
    if not bins:
        return
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=places, y=[bin_.low for bin_ in bins], **band)
    figure.add_scatter(
        x=places,
        y=[bin_.high for bin_ in bins],
        fill="tonexty",
        fillcolor="rgba(122, 122, 122, 0.3)",
        **band,
    )
    figure.add_scatter(
        x=places,
        y=[bin_.middle for bin_ in bins],
        mode="lines",
        line={"color": style.GREY},
        name="median of neighbours",
        hovertemplate="median %{y:.2%}<extra></extra>",
    )


def _draw_points(
    figure: go.Figure, group: str, points: Sequence[Point], colour: str, symbol: str
) -> None:
    figure.add_scatter(
        x=[point.place for point in points],
        y=[point.accuracy for point in points],
        error_y={
            "array": [point.high - point.accuracy for point in points],
            "arrayminus": [point.accuracy - point.low for point in points],
            "thickness": 1.5,
            "width": 3,
        },
        text=[_said(point) for point in points],
        customdata=[address(point.candidate) if point.candidate else None for point in points],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        marker={"size": 9, "color": colour, "symbol": symbol},
        name=ink(group),
    )


def _said(point: Point) -> str:
    if point.candidate is not None:
        return hover(point.candidate)
    return f"<b>{ink(point.label)}</b>, no neural network<br>{percent(point.accuracy)}"


def _simple_baseline(
    study: StudyRecord, simple_baseline: SimpleBaselineRecord, *, several: bool
) -> Point:
    score = simple_baseline.score
    name = f"{study.plan.study} {simple_baseline.name}" if several else simple_baseline.name
    return Point(0, plain(name), "simple baseline", score.val_accuracy, score.low, score.high)


def _point(row: Candidate) -> Point:
    return Point(0, row.label, row.group, row.accuracy, row.low, row.high, row)


def _bins(points: Sequence[Point]) -> tuple[Bin, ...]:
    size = -(-len(points) // _BINS)
    bins = []
    for start in range(0, len(points), size):
        group = points[start : start + size]
        values = sorted(point.accuracy for point in group)
        tenth = len(values) // 10
        place = sum(point.place for point in group) / len(group)
        bins.append(Bin(place, values[tenth], median(values), values[-1 - tenth]))
    return tuple(bins)
