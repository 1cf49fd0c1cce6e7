"""How a page is written: figures and tables as HTML, Plotly's script once.

It asks for nothing: its own policy forbids every connection.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from dashboards.figures import style
from dashboards.page.text import CELL, LONG, html

_ASSETS = Path(__file__).with_name("assets")
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'"
_POLICY += "; img-src data: blob:; base-uri 'none'; form-action 'none'"
_DIGITS = 6  # of every number that is drawn
_WIDE = 40  # characters of a cell that needs room


def document(title: str, body: str) -> str:
    """Wrap a body; Plotly's script stands in the page once."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_asset("page.css")}</style>
</head>
<body>
{body}
{templates()}
<script>{get_plotlyjs()}</script>
<script>{_asset("colours.js")}</script>
<script>{_asset("figures.js")}</script>
<script>{_asset("board.js")}</script>
<script>{_asset("page.js")}</script>
</body>
</html>
"""


def plot(key: str, words: str, figure: go.Figure, *, wide: bool) -> str:
    """Write a figure as data; assets/page.js draws it when it comes into view."""
    kind = "plot wide" if wide else "plot"
    label = html(words, LONG)
    return (
        f'<figure><div class="scroll" tabindex="0" role="group" aria-label="Figure {key}">'
        f'<div class="{kind}" id="plot-{key}" role="img" aria-label="{label}" '
        f'style="height: {figure.layout.height or 450}px"></div></div></figure>'
        f"{data(f'data-{key}', content_of(figure))}"
    )


def content_of(figure: go.Figure) -> dict[str, Any]:
    """Return a figure as data, without colours of its own: assets/figures.js adds them."""
    content: dict[str, Any] = figure.to_plotly_json()
    content["layout"].pop("template", None)
    compact: dict[str, Any] = _compact(content)
    return compact


def templates() -> str:
    """Write the templates for light and dark, as assets/figures.js takes them."""
    known = {name: template.to_plotly_json() for name, template in style.TEMPLATES.items()}
    return data("templates", known)


def _compact(content: Any) -> Any:
    """Cut numbers to the digits that can be seen."""
    if isinstance(content, float):
        return float(f"{content:.{_DIGITS}g}") if math.isfinite(content) else None
    if isinstance(content, dict):
        return {name: _compact(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_compact(value) for value in content]
    return content


def data(key: str, content: Any) -> str:
    # No text can end the script: every < is escaped.
    text = to_json_plotly(content).replace("<", "\\u003c")
    return f'<script type="application/json" id="{key}">{text}</script>'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    header = "".join(f'<th scope="col">{html(name)}</th>' for name in head)
    cells = ["".join(_cell(cell) for cell in row) for row in rows]
    body = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table: {html(caption)}">'
        f"<table><caption>{html(caption)}</caption><thead><tr>{header}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    kind = ' class="long"' if len(text) > _WIDE else ""
    return f"<td{kind}>{html(text, CELL) if text else ''}</td>"


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")
