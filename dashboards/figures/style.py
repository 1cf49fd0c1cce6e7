"""What all figures share: colours, symbols, templates for light and dark, the baseline's line.

Colours are from Okabe & Ito, safe for colour-blind readers, and of those the ones that stand out
on white and on black alike (3 to 1 at least). Groups differ by symbol too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboards.page.text import ink
from tracking.commandline.formatting import percent
from tracking.records import BaselineRecord

VALIDATION, TRAIN, REFERENCE, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A7A7A"
BASELINE = "#7A7A7A"
BROWN, TEAL, ROSE = "#9A6B00", "#2E8B9E", "#B5507A"
_COLOURS = (VALIDATION, TRAIN, REFERENCE, PURPLE, BROWN, TEAL, ROSE, GREY)
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "pentagon", "cross")
KINDS = {
    "search": (VALIDATION, "circle"),
    "defaults": (TRAIN, "square"),
    "reference": (REFERENCE, "diamond"),
}
SCALE = "Cividis"  # of areas: even for colour-blind readers
LINES = [[0, VALIDATION], [0.5, GREY], [1, TRAIN]]  # of lines, on light and dark: low to high
_TICKS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0))
_DASHES = ("dash", "dot")


def _template(text: str, back: str, grid: str, line: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid,
        "linecolor": line,
        "tickcolor": line,
        "showgrid": True,
        "zeroline": False,
        "ticks": "outside",
        "automargin": True,
        "title": {"standoff": 8},
    }
    return go.layout.Template(
        layout={
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": text},
            "paper_bgcolor": back,
            "plot_bgcolor": back,
            "xaxis": axis,
            "yaxis": axis,
            "colorway": list(_COLOURS),
            "legend": {
                "orientation": "h",
                "traceorder": "normal",
                "y": 1.02,
                "yanchor": "bottom",
                "x": 0,
            },
            "hoverlabel": {"align": "left", "bgcolor": back, "font": {"color": text}},
            "margin": {"l": 20, "r": 20, "t": 50, "b": 20},
            "hovermode": "closest",
        }
    )


TEMPLATES = {
    "light": _template("#1a1a1a", "#ffffff", "#e4e4e4", "#6b6b6b"),
    "dark": _template("#e8e8e8", "#15181d", "#31363f", "#9a9fa8"),
}


def log_ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers of a logarithmic axis; Plotly's own crowd or are none."""
    found: list[float] = []
    for digits in _TICKS:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        every = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
        inside = [tick for tick in every if 0.95 * low <= tick <= 1.05 * high]
        if len(inside) <= 5 or not found:
            found = inside
    return found or [low]


def log_axis(low: float, high: float) -> dict[str, Any]:
    """Set up a logarithmic axis for numbers from `low` to `high`, above 0."""
    ticks = log_ticks(low, high)
    return {"type": "log", "tickvals": ticks, "ticktext": [_short(tick) for tick in ticks]}


def _short(value: float) -> str:
    for letter, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:g}"


def marks(groups: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return each group a colour and a symbol, the same wherever the same groups are drawn."""
    return {
        group: (_COLOURS[place % len(_COLOURS)], _SYMBOLS[place % len(_SYMBOLS)])
        for place, group in enumerate(groups)
    }


def layout(figure: go.Figure, *, height: int, **axes: Any) -> go.Figure:
    """Set what all figures share.

    Args:
        axes: of the figure's layout, as `yaxis_title`.
    """
    return figure.update_layout(template=TEMPLATES["light"], height=height, **axes)


def add_baselines(figure: go.Figure, baselines: Sequence[BaselineRecord], **place: Any) -> None:
    """Draw a horizontal line for each baseline, its words above the first and below the next."""
    for row, (baseline, dash) in enumerate(zip(baselines, _DASHES, strict=False)):
        # A template would draw shapes without a line.
        line = {"color": BASELINE, "dash": dash, "width": 1.5}
        figure.add_hline(
            y=baseline.accuracy,
            line=line,
            opacity=1,
            annotation_text=f"{percent(baseline.accuracy)} on test, {ink(baseline.name)}",
            annotation_position="top right" if row == 0 else "bottom right",
            annotation_font_size=11,
            **place,
        )


def mark_unofficial(figure: go.Figure, *, official: bool) -> None:
    """Say on the figure itself that its numbers are of other data."""
    if not official:
        figure.add_annotation(
            text="not the official test set",
            showarrow=False,
            x=1,
            y=1.02,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
        )
