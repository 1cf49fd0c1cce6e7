"""Test accuracies as published, beside ours of the same configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import style
from tracking.comparison import compare
from tracking.records import BaselineRecord, StudyRecord
from tracking.words import percent


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
class Rows:
    pairs: tuple[Pair, ...]
    baselines: tuple[BaselineRecord, ...]


def table(study: StudyRecord) -> Rows:
    """List the configurations, the first at the top."""
    pairs = []
    for row in compare(study):
        reference = row.reference
        pairs.append(
            Pair(
                name=reference.name if row.official else f"{reference.name} *",
                published=reference.published,
                ours=row.accuracy if row.ours else None,
                low=row.low,
                high=row.high,
                remark=row.remark,
                official=row.official,
            )
        )
    return Rows(tuple(pairs), study.plan.baselines)


def draw(rows: Rows) -> go.Figure:
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
    names = [pair.name for pair in rows.pairs]
    style.layout(figure, height=120 + 30 * len(names), y_title="")
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], tickformat=None)
    figure.update_xaxes(tickformat=".1%", title_text="test accuracy (* not the official split)")
    return figure.update_layout(margin={"l": 220})


def _draw_pairs(figure: go.Figure, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        if pair.published is not None and pair.ours is not None and pair.official:
            figure.add_scatter(
                x=[pair.published, pair.ours],
                y=[pair.name, pair.name],
                mode="lines",
                line={"color": "#c0c0c0", "width": 3},
                showlegend=False,
                hoverinfo="skip",
            )
    known = [pair for pair in pairs if pair.published is not None]
    figure.add_scatter(
        x=[pair.published for pair in known],
        y=[pair.name for pair in known],
        mode="markers",
        marker={"size": 11, "symbol": "diamond", "color": style.REFERENCE},
        name="published",
        hovertemplate="%{y}<br>%{x:.2%} published<extra></extra>",
    )
    trained = [pair for pair in pairs if pair.ours is not None]
    figure.add_scatter(
        x=[pair.ours for pair in trained],
        y=[pair.name for pair in trained],
        error_x={
            "array": [pair.high - (pair.ours or 0) for pair in trained],
            "arrayminus": [(pair.ours or 0) - pair.low for pair in trained],
            "thickness": 1.5,
        },
        mode="markers",
        marker={"size": 11, "color": style.VALIDATION},
        name="ours",
        text=[pair.remark for pair in trained],
        hovertemplate="%{y}<br>%{x:.2%} ours<br>%{text}<extra></extra>",
    )
