"""How numbers are said to a person."""

from __future__ import annotations


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
