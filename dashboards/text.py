"""Text from records, made fit to be shown: nothing in it runs, hides, or turns what is around."""

from __future__ import annotations

import re
from html import escape

from tracking.words import brief

# Control characters, marks that turn the direction of reading, halves of surrogate pairs. Joiners
# stay: emoji and some scripts need them.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
LABEL, CELL, LONG = 60, 300, 4_000  # characters: of a label, a cell, a text that stands alone


def plain(text: object, longest: int = LABEL) -> str:
    r"""Cut a text and show what is hidden in it.

    >>> plain("a\u202eb  c")
    'a\\u202eb c'
    """
    words = str(text)[: 4 * longest]  # splitting 100 kB for a label would be waste
    words = " ".join(words.split()) if words.strip() else repr(words)
    cut = words if len(words) <= longest else f"{words[: longest - 1]}…"
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", cut)


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
