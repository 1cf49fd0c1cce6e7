"""What all figures share. Colours are those of Okabe & Ito, safe for colour-blind readers."""

from __future__ import annotations

import plotly.graph_objects as go

VALIDATION, TRAIN, BASELINE, REFERENCE = "#0072B2", "#D55E00", "#404040", "#009E73"


def layout(figure: go.Figure, *, height: int, y_title: str) -> go.Figure:
    """Set what all figures share; accuracies are drawn in percent."""
    figure.update_layout(
        template="simple_white",
        height=height,
        margin={"l": 70, "r": 30, "t": 50, "b": 60},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        font={"family": "system-ui, sans-serif", "size": 14},
    )
    figure.update_yaxes(tickformat=".1%", gridcolor="#e6e6e6", showgrid=True)
    return figure.update_layout(yaxis_title=y_title)
