"""What a card is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Figure:
    """An SVG, which HTML shows; Markdown has the numbers only.

    Attributes:
        caption: says what is to be seen, also to who cannot see it.
    """

    svg: str
    caption: str


Block = Heading | Paragraph | Table | Code | Figure
