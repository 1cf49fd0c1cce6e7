"""Which search method finds how much, how fast: a recorded race, beside the study it stands under.

It was run once, on recorded trials (tests/benchmarks/search_race.py, which writes the file).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import percent
from tracking.records import StudyRecord

FILE = Path(__file__).parents[1] / "assets" / "race-curves.csv"
_AGAINST = ("minutes", "trials")
_FLOOR = 0.05  # accuracies so far below the best are of the first moments: not drawn


@dataclass(frozen=True)
class RaceCurve:
    """The best so far of one method: medians and quartiles over seeds.

    Attributes:
        against: "minutes" of trials, or "trials" that had ended.
    """

    method: str
    against: str
    places: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class RaceRows:
    curves: tuple[RaceCurve, ...]
    used: str


def table(*studies: StudyRecord) -> RaceRows:
    """Read the race.

    Raises:
        Absent: if nothing was searched.
    """
    searched = [study for study in studies if not study.reproduces]
    if not searched:
        raise Absent("nothing was searched: the configurations are those that were published.")
    used = {_method(s) for s in searched}
    return RaceRows(tuple(_curves()), " and ".join(sorted(used)))


def _method(study: StudyRecord) -> str:
    plan = study.plan
    return f"{plain(plan.sampler or 'none')} with pruner {plain(plan.pruner or 'none')}"


def _curves() -> Iterator[RaceCurve]:
    with FILE.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for (method, against), own in groupby(rows, lambda row: (row["method"], row["against"])):
        points = list(own)
        columns = [
            [float(row[name]) for row in points] for name in ("at", "low", "median", "high")
        ]
        places, low, middle, high = map(tuple, columns)
        yield RaceCurve(method, against, places, low, middle, high)


def sentence(rows: RaceRows) -> str:
    """Say where each method ended, and what this study used."""
    ends = {
        curve.method: curve.median[-1] for curve in rows.curves if curve.against == _AGAINST[0]
    }
    said = ", ".join(
        f"{name} {percent(ends[name])}" for name in sorted(ends, key=lambda name: ends[name])
    )
    return (
        f"This study was searched by {rows.used}. How the methods compare was measured once, on "
        f"recorded trials of small classifiers: the same minutes for each, medians over 50 seeds, "
        f"bands from quartile to quartile. At the end: {said}. These accuracies are of that race "
        "and not of this study."
    )


def draw(rows: RaceRows) -> go.Figure:
    """Draw a line with its band for each method, against minutes and against trials."""
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    marks = style.marks(dict.fromkeys(curve.method for curve in rows.curves))
    for curve in rows.curves:
        _draw_curve(figure, curve, *marks[curve.method])
    top = max(max(curve.high) for curve in rows.curves)
    figure.update_yaxes(tickformat=".0%", range=[top - _FLOOR, top + 0.1 * _FLOOR])
    for column, against in enumerate(_AGAINST, start=1):
        figure.update_xaxes(title_text=f"{against} of the race", col=column)
    style.layout(figure, height=440)
    return figure.update_yaxes(title_text="best validation accuracy so far", col=1)


def _draw_curve(figure: go.Figure, curve: RaceCurve, colour: str, symbol: str) -> None:
    column = 1 + _AGAINST.index(curve.against)
    group = {"legendgroup": curve.method, "row": 1, "col": column}
    figure.add_scatter(
        x=[*curve.places, *reversed(curve.places)],
        y=[*curve.high, *reversed(curve.low)],
        fill="toself",
        fillcolor=colour,
        opacity=0.12,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        **group,
    )
    figure.add_scatter(
        x=curve.places,
        y=curve.median,
        mode="lines+markers",
        line={"color": colour, "shape": "hv"},
        marker={"symbol": symbol, "size": _sizes(curve.places)},
        name=ink(curve.method),
        hovertemplate=f"{ink(curve.method)}<br>%{{y:.2%}}<extra></extra>",
        showlegend=column == 1,
        **group,
    )


def _sizes(places: Sequence[float]) -> list[int]:
    """Mark a few points of a line, so that lines differ by more than colour."""
    return [7 if place % 10 == 9 else 0 for place in range(len(places))]
