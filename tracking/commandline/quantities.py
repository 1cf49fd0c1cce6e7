"""Times and whole numbers, as they are typed."""

from __future__ import annotations

import argparse
import re


def seconds(text: str) -> float:
    """Read a time such as 90s, 30m, 1.5h; a bare number is seconds.

    >>> seconds("30m")
    1800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    n = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if n <= 0:
        raise argparse.ArgumentTypeError(
            f"a time is a positive number with s, m or h, such as 90s, 30m or 2h, but got {text!r}"
        )
    return n


def positive(text: str) -> int:
    """Read a whole number from 1."""
    return _whole(text, 1)


def not_negative(text: str) -> int:
    """Read a whole number from 0."""
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, but got {text!r}")
    return int(text)
