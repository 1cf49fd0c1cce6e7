"""A card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from search.bundles.card.blocks import Block, Code, Figure, Heading, Paragraph, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")


def write(blocks: Sequence[Block]) -> str:
    """Write blocks; what a text holds of Markdown's own signs is shown as it is."""
    return "\n\n".join(_block(block) for block in blocks if not isinstance(block, Figure)) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            return _plain(text)
        case Table(head, rows):
            lines = [_row(head), "|" + "---|" * len(head), *(_row(row) for row in rows)]
            return "\n".join(lines)
        case Code(text):
            return f"```\n{text}\n```"
        case Figure():
            return ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
