"""Train and validation accuracy per epoch of the best candidates, the kept epoch marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import label_of, no_candidates
from dashboards.page.text import ink
from tracking.records import StudyRecord, TrialRecord

_COLUMNS = 3


@dataclass(frozen=True)
class TrialCurve:
    """One trial's accuracies per epoch; `kept` is None where no weights were kept.

    Validation is None where nothing was held out.
    """

    title: str
    epochs: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float | None, ...]
    kept: int | None

    @property
    def gap(self) -> float | None:
        """Train minus validation at the kept epoch."""
        validation = self.validation[self._place] if self.kept else None
        return None if validation is None else self.train[self._place] - validation

    @property
    def lost(self) -> float | None:
        """What validation fell by from the kept epoch to the last."""
        if not self.kept:
            return None
        kept, last = self.validation[self._place], self.validation[-1]
        return None if kept is None or last is None else kept - last

    @property
    def _place(self) -> int:
        return self.epochs.index(self.kept or 0)


def table(*studies: StudyRecord, n: int = 9) -> list[TrialCurve]:
    """Return the curves of the best n candidates, the best first.

    Raises:
        Absent: if there is no candidate with epochs.
    """
    several = len(studies) > 1
    ranked = [
        (trial.score.val_accuracy, curve(trial, label_of(study, trial, several=several)))
        for study in studies
        for trial in study.candidates[:n]
        if trial.score is not None and trial.score.best_epoch in [e.epoch for e in trial.epochs]
    ]
    if not ranked and any(study.candidates for study in studies):
        raise Absent("The candidates were trained elsewhere, and no epoch of them is recorded.")
    if not ranked:
        raise no_candidates(*studies)
    ranked.sort(key=lambda pair: -pair[0])
    return [curve for _, curve in ranked[:n]]


def curve(trial: TrialRecord, label: str = "") -> TrialCurve:
    """Return the curve of one trial.

    Args:
        label: names it; its number alone if empty.
    """
    return TrialCurve(
        title=f"{label or f'trial {trial.number}'}, {trial.proposed_by}",
        epochs=tuple(epoch.epoch for epoch in trial.epochs),
        train=tuple(epoch.train_accuracy for epoch in trial.epochs),
        validation=tuple(epoch.val_accuracy for epoch in trial.epochs),
        kept=trial.score.best_epoch if trial.score else None,
    )


def sentence(curves: Sequence[TrialCurve]) -> str:
    """Say where the best was stopped, and what going on would have cost."""
    best = curves[0]
    gap, lost = 100 * (best.gap or 0.0), 100 * (best.lost or 0.0)
    early = sum(curve.kept != curve.epochs[-1] for curve in curves)
    said = (
        f"The best kept the weights of epoch {best.kept} of {best.epochs[-1]}, where training was "
        f"{abs(gap):.1f} points {'above' if gap > 0 else 'below'} validation"
    )
    if best.kept != best.epochs[-1]:
        change = f"{'fallen' if lost > 0 else 'risen'} by {abs(lost):.1f}"
        said += "; by its last epoch validation had "
        said += change if abs(lost) >= 0.05 else "not changed"
    n = len(curves)
    return (
        f"{said}. {early} of the {n} best kept an epoch before their last."
        if n > 1
        else f"{said}."
    )


def draw(curves: Sequence[TrialCurve]) -> go.Figure:
    """Draw small multiples with common axes."""
    columns = min(_COLUMNS, len(curves))
    n_rows = -(-len(curves) // columns)
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        subplot_titles=[ink(curve.title, 34) for curve in curves],
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.42 / n_rows if n_rows > 1 else 0.0,
    )
    for place, curve in enumerate(curves):
        _draw_one(figure, curve, place // columns + 1, place % columns + 1, first=place == 0)
    n_epochs = max(max(curve.epochs, default=1) for curve in curves)
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=max(1, round(n_epochs / 6)))
    figure.update_yaxes(tickformat=".1%")
    figure.update_yaxes(title_text="accuracy", col=1)
    figure.update_annotations(font_size=13)
    style.layout(figure, height=110 + 230 * n_rows, margin_t=80)
    return figure.update_layout(legend_y=1 + 30 / (230 * n_rows))


def _draw_one(figure: go.Figure, curve: TrialCurve, row: int, column: int, *, first: bool) -> None:
    for name, values, colour, symbol in (
        ("train", curve.train, style.TRAIN, "square"),
        ("validation", curve.validation, style.VALIDATION, "circle"),
    ):
        figure.add_scatter(
            x=curve.epochs,
            y=values,
            mode="lines+markers",
            line={"color": colour},
            marker={"symbol": symbol},
            name=name,
            legendgroup=name,
            showlegend=first,
            hovertemplate=f"epoch %{{x}}: %{{y:.2%}} {name}<extra></extra>",
            row=row,
            col=column,
        )
    if curve.kept is not None and curve.kept in curve.epochs:
        figure.add_scatter(
            x=[curve.kept],
            y=[curve.validation[curve.epochs.index(curve.kept)]],
            mode="markers",
            marker={
                "size": 15,
                "symbol": "circle-open",
                "color": style.GREY,
                "line": {"width": 2.5},
            },
            name="kept epoch",
            legendgroup="kept epoch",
            showlegend=first,
            hoverinfo="skip",
            row=row,
            col=column,
        )
