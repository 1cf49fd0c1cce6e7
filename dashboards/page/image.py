"""A figure as PNG or SVG, drawn by Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import plotly.graph_objects as go

from tracking.commandline.errors import UserError

Kind = Literal["png", "svg"]
_WIDTH, _SCALE = 1_100, 2


def kind_of(out: Path) -> Kind:
    """Tell the format from the name of the file.

    Raises:
        UserError: if it is neither.
    """
    known: dict[str, Kind] = {".png": "png", ".svg": "svg"}
    if out.suffix.lower() not in known:
        raise UserError(f"an image ends in .png or .svg, but got {str(out)!r}.")
    return known[out.suffix.lower()]


def render(figure: go.Figure, kind: Kind) -> bytes:
    """Draw a figure.

    Raises:
        UserError: if there is no Chromium.
    """
    import kaleido
    from kaleido.errors import ChromeNotFoundError

    options = {"format": kind, "width": _WIDTH, "height": figure.layout.height or 450}
    try:
        content: bytes = kaleido.calc_fig_sync(
            figure.to_plotly_json(),
            opts={**options, "scale": _SCALE if kind == "png" else 1},
            kopts={"mathjax": False, "n": 1},  # else it asks the network for MathJax
        )
    except ChromeNotFoundError as error:
        raise UserError(
            "an image needs Chromium or Chrome, and none was found: install it, or name it with "
            "the variable BROWSER_PATH."
        ) from error
    return content
