"""One file a figure: table(study) computes rows, draw(rows) makes the figure of them.

    table(*studies) -> rows        Absent, raised with the reason, where there is nothing to draw
    sentence(rows) -> str          what to see in it
    draw(rows) -> Figure
    cells(rows) -> head, rows      of some: a table below the figure

The page, the live page and the images walk through FIGURES.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboards.figures.hyperparameters import contour, importance, parallel, slices
from dashboards.figures.results import accuracy, cost, progress, published, race
from dashboards.figures.training import gap, health, overfitting, overlay

Cells = tuple[tuple[str, ...], list[tuple[str, ...]]]


@dataclass(frozen=True)
class Panel:
    """One figure as the pages use it.

    Attributes:
        joint: whether it draws several studies in one; else each has its own.
        all_trials: whether it draws more than candidates: it changes with every epoch.
        wide: whether it has panels side by side, which a narrow screen scrolls through.
        cells: a table below it.
    """

    title: str
    table: Callable[..., Any]
    sentence: Callable[[Any], str]
    draw: Callable[[Any], go.Figure]
    joint: bool = False
    wide: bool = False
    all_trials: bool = False
    cells: Callable[[Any], Cells] | None = None


FIGURES: dict[str, Panel] = {
    "accuracy": Panel(
        "All candidates against the baseline",
        accuracy.table,
        accuracy.sentence,
        accuracy.draw,
        joint=True,
    ),
    "progress": Panel(
        "Progress",
        progress.table,
        progress.sentence,
        progress.draw,
        joint=True,
        wide=True,
        all_trials=True,
    ),
    "overfitting": Panel(
        "Overfitting: the best candidates, epoch by epoch",
        overfitting.table,
        overfitting.sentence,
        overfitting.draw,
        joint=True,
        wide=True,
    ),
    "overlay": Panel(
        "Overfitting: all trials in one",
        overlay.table,
        overlay.sentence,
        overlay.draw,
        joint=True,
        all_trials=True,
    ),
    "gap": Panel("Gap against accuracy", gap.table, gap.sentence, gap.draw, joint=True),
    "cost": Panel(
        "What accuracy costs",
        cost.table,
        cost.sentence,
        cost.draw,
        joint=True,
        wide=True,
    ),
    "importance": Panel(
        "Which hyperparameters matter",
        importance.table,
        importance.sentence,
        importance.draw,
    ),
    "parallel": Panel(
        "Parallel coordinates",
        parallel.table,
        parallel.sentence,
        parallel.draw,
        wide=True,
    ),
    "slices": Panel(
        "Accuracy against each hyperparameter",
        slices.table,
        slices.sentence,
        slices.draw,
        wide=True,
    ),
    "contour": Panel(
        "Two numbers that matter, together",
        contour.table,
        contour.sentence,
        contour.draw,
    ),
    "published": Panel(
        "Learned against published",
        published.table,
        published.sentence,
        published.draw,
        cells=published.cells,
        all_trials=True,
    ),
    "health": Panel(
        "Study health",
        health.table,
        health.sentence,
        health.draw,
        cells=health.cells,
        all_trials=True,
    ),
    "race": Panel(
        "How search methods compare",
        race.table,
        race.sentence,
        race.draw,
        joint=True,
        wide=True,
    ),
}
