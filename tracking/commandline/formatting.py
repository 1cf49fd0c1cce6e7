"""How numbers, and texts from outside, are shown to a person."""

from __future__ import annotations

import re

# Control characters, marks that turn the direction of reading, halves of surrogate pairs. Joiners
# stay: emoji and some scripts need them.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
LABEL, LINE = 60, 4_000  # characters: of a name, and of a whole line


def visible(text: str) -> str:
    r"""Escape what a terminal or a page would obey instead of showing it.

    >>> visible("red\x1b[31m")
    'red\\u001b[31m'
    """
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(text: object, longest: int = LABEL) -> str:
    r"""Cut a name from outside, and show what is hidden in it.

    >>> plain("a\u202eb  c")
    'a\\u202eb c'
    """
    words = str(text)[: 4 * longest]  # splitting 100 kB for a label would be waste
    words = " ".join(words.split()) if words.strip() else repr(words)
    cut = words if len(words) <= longest else f"{words[: longest - 1]}…"
    return visible(cut)


def printable(line: str) -> str:
    """Make a line fit for a terminal. A long one loses its middle: the remedy is at its end."""
    if len(line) > LINE:
        line = f"{line[: LINE // 2]} … {line[-LINE // 2 :]}"
    return visible(line)


def percent(share: float) -> str:
    """Write an accuracy.

    >>> percent(0.8889)
    '88.89 %'
    """
    return f"{100 * share:.2f} %"


def duration(seconds: float) -> str:
    """Write a duration.

    >>> duration(45), duration(100), duration(1000), duration(8000)
    ('45 s', '1 min 40 s', '17 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def brief(value: object) -> str:
    """Write a hyperparameter's value, a float with three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
