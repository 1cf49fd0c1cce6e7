"""Validation accuracy of all candidates, with intervals, against the published baseline."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from dashboards.figures import style
from tracking.records import BaselineRecord, StudyRecord
from tracking.words import percent

_GROUPS = (
    ("control", style.BASELINE, "x"),
    ("reference", style.REFERENCE, "diamond"),
    ("defaults", style.TRAIN, "square"),
    ("search", style.VALIDATION, "circle"),
)


GUESSING = "majority"  # told in words: its 50 % would press all others into a corner


@dataclass(frozen=True)
class Point:
    """One candidate or control.

    Attributes:
        label: its place on the axis: the trial's number, or the control's name.
        group: "control", "defaults", "reference" or "search".
        low: lower end of the 95 % interval.
    """

    label: str
    origin: str
    group: str
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Rows:
    points: tuple[Point, ...]
    baselines: tuple[BaselineRecord, ...]
    official: bool


def table(study: StudyRecord) -> Rows:
    """List the controls, then the candidates in the order they were tried."""
    references = {reference.name for reference in study.plan.references}
    points = [
        Point(
            control.name,
            "no neural network",
            "control",
            control.score.val_accuracy,
            control.score.low,
            control.score.high,
        )
        for control in study.controls
        if control.name != GUESSING
    ]
    for trial in sorted(study.candidates, key=lambda trial: trial.number):
        assert trial.score is not None
        score, origin = trial.score, trial.origin
        group = "reference" if origin in references else "search"
        points.append(
            Point(
                f"trial {trial.number}{study.family_of(trial)}",
                origin,
                "defaults" if origin.startswith("defaults") else group,
                score.val_accuracy,
                score.low,
                score.high,
            )
        )
    return Rows(tuple(points), study.plan.baselines, study.plan.data.official)


def draw(rows: Rows) -> go.Figure:
    """Draw a point with its interval for each candidate, a line for each baseline."""
    figure = go.Figure()
    for group, colour, symbol in _GROUPS:
        points = [point for point in rows.points if point.group == group]
        if not points:
            continue
        figure.add_scatter(
            x=[point.label for point in points],
            y=[point.accuracy for point in points],
            error_y={
                "array": [point.high - point.accuracy for point in points],
                "arrayminus": [point.accuracy - point.low for point in points],
                "thickness": 1.5,
            },
            text=[point.origin for point in points],
            hovertemplate="%{x}, %{text}<br>%{y:.2%} on validation<extra></extra>",
            mode="markers",
            marker={"size": 10, "color": colour, "symbol": symbol},
            name=group,
        )
    for baseline, dash in zip(rows.baselines, itertools.cycle(("dash", "dot")), strict=False):
        # The template draws shapes without a line.
        line = {"color": style.BASELINE, "dash": dash, "width": 1.5}
        figure.add_hline(y=baseline.accuracy, line=line, opacity=1)
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            y=baseline.accuracy,
            yanchor="bottom" if dash == "dash" else "top",
            text=f" {percent(baseline.accuracy)} on test,<br> {escape(baseline.name)}",
            align="left",
            showarrow=False,
            font={"size": 12},
        )
    labels = [point.label for point in rows.points]
    figure.update_xaxes(categoryorder="array", categoryarray=labels)
    style.layout(figure, height=460, y_title="validation accuracy")
    if rows.baselines and not rows.official:
        figure.update_layout(
            title={"text": "not the official test set", "x": 0.99, "xanchor": "right"}
        )
    return figure.update_layout(margin={"r": 190} if rows.baselines else {})
