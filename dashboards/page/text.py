"""Text from records, made fit to be shown: nothing in it runs, hides, or turns what is around."""

from __future__ import annotations

from html import escape

from tracking.commandline.formatting import LABEL, brief, plain

__all__ = ["CELL", "LABEL", "LONG", "html", "ink", "plain", "said"]

CELL, LONG = 300, 4_000  # characters: of a cell, and of a text that stands alone


def said(value: object) -> str:
    """Write a value of a hyperparameter.

    >>> said(80_000), said(0.00123456), said("pre")
    ('80,000', '0.00123', 'pre')
    """
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
        return f"{value:,}"
    return plain(brief(value))


def ink(text: object, longest: int = LABEL) -> str:
    """Write a text for Plotly, which reads some HTML in every label."""
    return escape(plain(text, longest), quote=False)


def html(text: object, longest: int = CELL) -> str:
    """Write a text for a page."""
    return escape(plain(text, longest))
