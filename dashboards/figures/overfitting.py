"""Train and validation accuracy per epoch of the best candidates, the kept epoch marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from tracking.records import StudyRecord, TrialRecord

_COLUMNS = 3


@dataclass(frozen=True)
class Curve:
    """One trial's accuracies per epoch; `kept` is None where no weights were kept.

    Validation is None where nothing was held out.
    """

    title: str
    epochs: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float | None, ...]
    kept: int | None


def table(study: StudyRecord, n: int = 6) -> list[Curve]:
    """Give the curves of the best n candidates, the best first."""
    return [curve(trial, study.family_of(trial)) for trial in study.candidates[:n]]


def curve(trial: TrialRecord, family: str = "") -> Curve:
    """Give the curve of one trial.

    Args:
        family: stands behind the number where a study has several.
    """
    return Curve(
        title=f"trial {trial.number}{family}, {trial.origin}",
        epochs=tuple(epoch.epoch for epoch in trial.epochs),
        train=tuple(epoch.train_accuracy for epoch in trial.epochs),
        validation=tuple(epoch.val_accuracy for epoch in trial.epochs),
        kept=trial.score.best_epoch if trial.score else None,
    )


def draw(curves: Sequence[Curve]) -> go.Figure:
    """Draw small multiples with common axes."""
    columns = min(_COLUMNS, len(curves))
    n_rows = -(-len(curves) // columns)
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        subplot_titles=[curve.title for curve in curves],
        shared_yaxes="all",
        vertical_spacing=0.44 / n_rows if n_rows > 1 else 0.0,
    )
    for place, curve in enumerate(curves):
        _draw_one(figure, curve, place // columns + 1, place % columns + 1, first=place == 0)
    n_epochs = max(max(curve.epochs) for curve in curves)
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=max(1, round(n_epochs / 6)))
    style.layout(figure, height=90 + 270 * n_rows, y_title="accuracy")
    return figure.update_layout(legend={"y": 1 + 0.14 / n_rows})


def _draw_one(figure: go.Figure, curve: Curve, row: int, column: int, *, first: bool) -> None:
    for name, values, colour in (
        ("train", curve.train, style.TRAIN),
        ("validation", curve.validation, style.VALIDATION),
    ):
        figure.add_scatter(
            x=curve.epochs,
            y=values,
            mode="lines+markers",
            line={"color": colour},
            name=name,
            legendgroup=name,
            showlegend=first,
            hovertemplate=f"epoch %{{x}}: %{{y:.2%}} {name}<extra></extra>",
            row=row,
            col=column,
        )
    if curve.kept is not None:
        figure.add_scatter(
            x=[curve.kept],
            y=[curve.validation[curve.kept - 1]],
            mode="markers",
            marker={"size": 14, "symbol": "circle-open", "color": "black", "line": {"width": 2}},
            name="kept epoch",
            legendgroup="kept epoch",
            showlegend=first,
            hoverinfo="skip",
            row=row,
            col=column,
        )
