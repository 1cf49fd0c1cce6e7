"""The curves of all trials in one: candidates, and faint those that were pruned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import label_of, thin
from dashboards.page.text import ink
from tracking.commandline.formatting import percent
from tracking.records import EpochRecord, StudyRecord, TrialRecord

_DRAWN = 150  # trials of each state


@dataclass(frozen=True)
class OverlayLine:
    """One trial's accuracies per epoch; None where nothing was held out."""

    study: str
    number: int
    label: str
    epochs: tuple[int, ...]
    train: tuple[float, ...]
    validation: tuple[float | None, ...]


@dataclass(frozen=True)
class Band:
    """Validation accuracy of all candidates at one epoch: lowest tenth, middle, highest tenth."""

    epoch: int
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class OverlayRows:
    """What is drawn.

    Attributes:
        candidates: what finished, the best first.
        bands: empty where every trial is drawn.
    """

    candidates: tuple[OverlayLine, ...]
    pruned: tuple[OverlayLine, ...]
    running: tuple[OverlayLine, ...]
    bands: tuple[Band, ...]
    n_candidates: int
    n_pruned: int
    pruned_epoch: float


def table(*studies: StudyRecord) -> OverlayRows:
    """Sort the trials by how they ended.

    Raises:
        Absent: if no trial has an epoch.
    """
    several = len(studies) > 1

    def lines(pairs: Iterable[tuple[StudyRecord, TrialRecord]]) -> tuple[OverlayLine, ...]:
        return tuple(_line(study, trial, several) for study, trial in pairs)

    pairs = [(study, t) for study in studies for t in _finished(study) if t.epochs]
    pairs.sort(key=lambda pair: -pair[1].score.val_accuracy if pair[1].score else 0.0)
    others = [(s, t) for s in studies for t in s.trials if t.epochs]
    pruned = [(study, trial) for study, trial in others if trial.state == "pruned"]
    running = [(study, trial) for study, trial in others if trial.state == "running"]
    if not (pairs or pruned or running):
        raise Absent("No trial has ended an epoch yet.")
    many = len(pairs) > _DRAWN
    return OverlayRows(
        candidates=lines(thin(pairs, _DRAWN)),
        pruned=lines(thin(pruned, _DRAWN)),
        running=lines(running),
        bands=tuple(_bands([trial.epochs for _, trial in pairs])) if many else (),
        n_candidates=len(pairs),
        n_pruned=len(pruned),
        pruned_epoch=median(len(trial.epochs) for _, trial in pruned) if pruned else 0.0,
    )


def _finished(study: StudyRecord) -> Sequence[TrialRecord]:
    """Return the candidates; of a reproduction, which has none, all that were completed."""
    if not study.reproduces:
        return study.candidates
    return [trial for trial in study.trials if trial.state == "complete"]


def sentence(rows: OverlayRows) -> str:
    """Say where the pruned were ended, and what is drawn."""
    said = f"{rows.n_candidates:,} finished {'trial' if rows.n_candidates == 1 else 'trials'}"
    if rows.n_pruned:
        said += f" and, faint, {rows.n_pruned:,} pruned trials, most ended after epoch "
        said += f"{rows.pruned_epoch:.0f} (the median)"
    if rows.running:
        said += f"; {len(rows.running)} under way"
    n = len(rows.candidates) + len(rows.pruned)
    if n < rows.n_candidates + rows.n_pruned:
        said += f"; drawn one by one are {n:,}, the best half of them and a sample"
    if rows.bands:
        said += ". The band holds the middle eight tenths of all candidates"
    return f"{said}. Solid is validation, dotted is training."


def draw(rows: OverlayRows) -> go.Figure:
    """Draw a line for each trial, twice."""
    figure = go.Figure()
    _draw_bands(figure, rows.bands)
    groups = (
        ("pruned", rows.pruned, style.GREY, 0.35),
        ("finished", rows.candidates[1:], style.VALIDATION, 0.5),
        ("under way", rows.running, style.PURPLE, 1.0),
        ("best", rows.candidates[:1], style.TRAIN, 1.0),
    )
    for name, lines, colour, opacity in groups:
        if lines:
            _draw_lines(figure, name, lines, colour, opacity)
    figure.update_xaxes(title_text="epoch", tick0=1, dtick=_step(rows))
    return style.layout(figure, height=440, yaxis={"title": "accuracy", "tickformat": ".1%"})


def _draw_lines(
    figure: go.Figure, name: str, lines: Sequence[OverlayLine], colour: str, opacity: float
) -> None:
    """Draw all lines of a group as one, with a break after each: a trace a line would be slow."""
    best = name in ("best", "under way")
    for part, dash in (("training", "dot"), ("validation", "solid")):
        ys: list[float | None] = []
        for line in lines:
            ys += [*(line.train if part == "training" else line.validation), None]
        figure.add_scatter(
            x=[place for line in lines for place in (*line.epochs, None)],
            y=ys,
            mode="lines+markers",
            connectgaps=False,
            opacity=opacity,
            line={"color": colour, "dash": dash, "width": 3 if best else 1.2},
            marker={"size": 5 if best else 3},
            text=[ink(line.label) for line in lines for _ in (*line.epochs, None)],
            customdata=[[line.study, line.number] for line in lines for _ in (*line.epochs, None)],
            hovertemplate=f"%{{text}}, epoch %{{x}}<br>%{{y:.2%}} {part}<extra></extra>",
            name=name,
            legendgroup=name,
            showlegend=part == "validation",
        )


def _draw_bands(figure: go.Figure, bands: Sequence[Band]) -> None:
    if not bands:
        return
    epochs = [band.epoch for band in bands]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=epochs, y=[band.low for band in bands], **edge)
    figure.add_scatter(
        x=epochs,
        y=[band.high for band in bands],
        fill="tonexty",
        fillcolor="rgba(122, 122, 122, 0.3)",
        **edge,
    )
    figure.add_scatter(
        x=epochs,
        y=[band.middle for band in bands],
        mode="lines",
        line={"color": style.GREY, "width": 3},
        text=[percent(band.middle) for band in bands],
        hovertemplate="median of all candidates, epoch %{x}: %{text}<extra></extra>",
        name="median",
    )


def _bands(curves: Sequence[Sequence[EpochRecord]]) -> Iterable[Band]:
    by_epoch: dict[int, list[float]] = {}
    for curve in curves:
        for epoch in curve:
            if epoch.val_accuracy is not None:
                by_epoch.setdefault(epoch.epoch, []).append(epoch.val_accuracy)
    for place, values in sorted(by_epoch.items()):
        values.sort()
        tenth = len(values) // 10
        yield Band(place, values[tenth], median(values), values[-1 - tenth])


def _step(rows: OverlayRows) -> int:
    lines = (*rows.candidates, *rows.pruned, *rows.running)
    return max(1, round(max(line.epochs[-1] for line in lines) / 15))


def _line(study: StudyRecord, trial: TrialRecord, several: bool) -> OverlayLine:
    return OverlayLine(
        study=study.plan.study,
        number=trial.number,
        label=label_of(study, trial, several=several),
        epochs=tuple(epoch.epoch for epoch in trial.epochs),
        train=tuple(epoch.train_accuracy for epoch in trial.epochs),
        validation=tuple(epoch.val_accuracy for epoch in trial.epochs),
    )
