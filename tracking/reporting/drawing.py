"""Lines as SVG, for the model card and for each trial's curves, where Plotly would be 4.8 MB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 560, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 34, 44

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Polyline:
    """One line of a drawing.

    Attributes:
        dashes: as SVG says them, so that lines differ without colour; empty for none.
    """

    name: str
    points: Points
    colour: str
    dashes: str = ""


def draw(lines: Sequence[Polyline], *, title: str, across: str, up: str) -> str:
    """Draw lines over one pair of axes; across from the least to the most, up likewise."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    box = (min(xs), max(xs), min(ys), max(ys))
    drawn = [_axes(box, across, up)]
    for number, line in enumerate(lines):
        places = [_place(point, box) for point in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        stroke = f'stroke="{line.colour}" stroke-width="2" stroke-dasharray="{line.dashes}"'
        drawn.append(f'<polyline points="{path}" fill="none" {stroke}/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.colour}"/>'
                  for x, y in places if not line.dashes]  # fmt: skip
        x = _LEFT + 150 * number
        drawn.append(f'<line x1="{x}" y1="14" x2="{x + 24}" y2="14" {stroke}/>')
        drawn.append(_text(x + 30, 18, line.name))
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="sans-serif" font-size="12">{"".join(drawn)}</svg>'
    )


def _axes(box: tuple[float, float, float, float], across: str, up: str) -> str:
    x_low, x_high, y_low, y_high = box
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    return "".join(
        [
            f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
            _text(_LEFT, bottom + 16, f"{x_low:.3g}"),
            _text(right, bottom + 16, f"{x_high:.3g}", "end"),
            _text((_LEFT + right) / 2, bottom + 34, across, "middle"),
            _text(_LEFT - 6, bottom, f"{y_low:.3g}", "end"),
            _text(_LEFT - 6, _TOP + 10, f"{y_high:.3g}", "end"),
            f'<g transform="translate(14 {(_TOP + bottom) / 2:.0f}) rotate(-90)">'
            f"{_text(0, 0, up, 'middle')}</g>",
        ]
    )


def _place(
    point: tuple[float, float], box: tuple[float, float, float, float]
) -> tuple[float, ...]:
    (x, y), (x_low, x_high, y_low, y_high) = point, box
    x_share = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
    y_share = (y - y_low) / (y_high - y_low) if y_high > y_low else 0.5
    return (
        _LEFT + x_share * (_WIDTH - _LEFT - _RIGHT),
        _HEIGHT - _BOTTOM - y_share * (_HEIGHT - _TOP - _BOTTOM),
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
    )
