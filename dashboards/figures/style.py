"""What all figures share: colours, symbols, templates for light and dark, the baseline's line.

Colours are from Okabe & Ito, safe for colour-blind readers, and of those the ones that stand out
on white and on black alike (3 to 1 at least). Groups differ by symbol too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboards.text import ink
from tracking.records import BaselineRecord
from tracking.words import percent

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
SCALE = "Cividis"  # even for colour-blind readers
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
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "hoverlabel": {"align": "left", "bgcolor": back, "font": {"color": text}},
            "margin": {"l": 20, "r": 20, "t": 50, "b": 20},
            "hovermode": "closest",
        }
    )


TEMPLATES = {
    "light": _template("#1a1a1a", "#ffffff", "#e4e4e4", "#6b6b6b"),
    "dark": _template("#e8e8e8", "#15181d", "#31363f", "#9a9fa8"),
}


def marks(groups: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Give each group a colour and a symbol, the same wherever the same groups are drawn."""
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
