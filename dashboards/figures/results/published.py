"""Test accuracies as published, beside ours of the same configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import percent
from tracking.records import BaselineRecord, StudyRecord
from tracking.reporting.comparison import HEAD, Comparison, compare

NEAR = 0.015  # as much as seeds alone move an LSTM's accuracy, and half as much again


@dataclass(frozen=True)
class Pair:
    """One configuration; `published` is None where nothing was, `ours` where it was not trained.

    Attributes:
        low: lower end of the 95 % interval of ours.
    """

    name: str
    published: float | None
    ours: float | None
    low: float
    high: float
    remark: str
    official: bool


@dataclass(frozen=True)
class PublishedRows:
    pairs: tuple[Pair, ...]
    comparisons: tuple[Comparison, ...]
    baselines: tuple[BaselineRecord, ...]


def table(study: StudyRecord) -> PublishedRows:
    """List the configurations, the first at the top.

    Raises:
        Absent: if none was looked at on the test set.
    """
    if not study.evaluations:
        raise Absent(
            "No configuration of this study was scored on the test set as published; "
            "python -m search.run --study tutorials does that."
        )
    comparisons = compare(study)
    pairs = []
    for row in comparisons:
        reference = row.reference
        pairs.append(
            Pair(
                name=plain(reference.name) + ("" if row.official else " *"),
                published=reference.published,
                ours=row.accuracy if row.ours else None,
                low=row.low,
                high=row.high,
                remark=row.remark,
                official=row.official,
            )
        )
    return PublishedRows(tuple(pairs), tuple(comparisons), study.plan.baselines)


def sentence(rows: PublishedRows) -> str:
    """Say how many came out as published."""
    differences = [row.difference for row in rows.comparisons if row.difference is not None]
    if not differences:
        return "None of the configurations can be compared with a published accuracy."
    near = sum(abs(difference) <= NEAR for difference in differences)
    far = max(rows.comparisons, key=lambda row: abs(row.difference or 0.0))
    return (
        f"Of {len(differences)} configurations with a published test accuracy {near} came out "
        f"within {100 * NEAR:.1f} points of it; {plain(far.reference.name)} is farthest, "
        f"{100 * (far.difference or 0.0):+.2f} points. Bars are 95 % intervals of ours."
    )


def cells(rows: PublishedRows) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return all numbers as a table: head and rows."""
    return HEAD, [row.cells() for row in rows.comparisons]


def draw(rows: PublishedRows) -> go.Figure:
    """Draw a line for each configuration, from published to ours."""
    figure = go.Figure()
    _draw_pairs(figure, rows.pairs)
    for baseline in rows.baselines[:1]:
        line = {"color": style.BASELINE, "dash": "dash", "width": 1.5}
        figure.add_vline(x=baseline.accuracy, line=line, opacity=1)
        figure.add_annotation(
            x=baseline.accuracy,
            y=0,
            yref="paper",
            yanchor="bottom",
            xanchor="left",
            text=f" {percent(baseline.accuracy)}",
            showarrow=False,
        )
    names = [ink(pair.name) for pair in rows.pairs]
    style.layout(figure, height=120 + 30 * len(names))
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    title = "test accuracy (* not the official split)"
    return figure.update_xaxes(tickformat=".1%", title_text=title)


def _draw_pairs(figure: go.Figure, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if pair.published is not None and pair.ours is not None and pair.official:
            figure.add_scatter(
                x=[pair.published, pair.ours],
                y=[ink(pair.name)] * 2,
                mode="lines",
                line={"color": style.GREY, "width": 2},
                showlegend=False,
                hoverinfo="skip",
            )
    known = [pair for pair in pairs if pair.published is not None]
    figure.add_scatter(
        x=[pair.published for pair in known],
        y=[ink(pair.name) for pair in known],
        mode="markers",
        marker={"size": 11, "symbol": "diamond", "color": style.REFERENCE},
        name="published",
        hovertemplate="%{y}<br>%{x:.2%} published<extra></extra>",
    )
    trained = [pair for pair in pairs if pair.ours is not None]
    figure.add_scatter(
        x=[pair.ours for pair in trained],
        y=[ink(pair.name) for pair in trained],
        error_x={
            "array": [pair.high - (pair.ours or 0) for pair in trained],
            "arrayminus": [(pair.ours or 0) - pair.low for pair in trained],
            "thickness": 1.5,
        },
        mode="markers",
        marker={"size": 11, "color": style.VALIDATION},
        name="ours",
        text=[ink(pair.remark, 120) for pair in trained],
        hovertemplate="%{y}<br>%{x:.2%} ours<br>%{text}<extra></extra>",
    )
