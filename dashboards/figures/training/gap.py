"""The gap between training and validation, against validation accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.absent import Absent
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
from tracking.commandline.formatting import percent
from tracking.records import StudyRecord


@dataclass(frozen=True)
class GapRows:
    """The candidates that are drawn.

    Attributes:
        calmest: of those within the best one's interval, the one with the smallest gap.
    """

    points: tuple[Candidate, ...]
    best: Candidate
    calmest: Candidate
    said: str
    marks: dict[str, tuple[str, str]]


def table(*studies: StudyRecord) -> GapRows:
    """List the candidates.

    Raises:
        Absent: if there is none, or none whose gap is known.
    """
    rows = [row for row in candidates(*studies) if row.gap is not None]
    if not rows:
        raise Absent("No candidate says how accurate it is on the texts that it was trained on.")
    best = best_of(rows)
    near = [row for row in rows if row.accuracy >= best.low]
    points, said = thinned(rows)
    calmest = min(near, key=_gap)
    return GapRows(tuple(points), best, calmest, said, marks_of(*studies))


def _gap(row: Candidate) -> float:
    assert row.gap is not None
    return row.gap


def sentence(rows: GapRows) -> str:
    """Compare the gap of the best with that of others as good."""
    best, calmest = rows.best, rows.calmest
    said = f"The best, {best.label}, has a gap of {100 * _gap(best):+.1f} points. "
    if calmest is best:
        return f"{said}No candidate within its interval has a smaller one.{rows.said}"
    return (
        f"{said}Within its interval {calmest.label} has the smallest, "
        f"{100 * _gap(calmest):+.1f}, at {percent(calmest.accuracy)}.{rows.said}"
    )


def draw(rows: GapRows) -> go.Figure:
    """Draw a point for each candidate."""
    figure = go.Figure()
    for group, (colour, symbol) in rows.marks.items():
        points = [row for row in rows.points if row.group == group]
        if points:
            figure.add_scatter(
                x=[row.accuracy for row in points],
                y=[100 * _gap(row) for row in points],
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 9},
                text=[hover(row) for row in points],
                customdata=[address(row) for row in points],
                hovertemplate="%{text}<extra></extra>",
                name=ink(group),
            )
    figure.add_hline(y=0, line={"color": style.GREY, "width": 1}, opacity=1)
    style.layout(figure, height=400, yaxis_title="train minus validation, points")
    return figure.update_xaxes(title_text="validation accuracy", tickformat=".1%")
