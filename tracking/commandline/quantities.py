"""Times, whole numbers, shares and accuracies, as they are typed."""

from __future__ import annotations

import argparse
import re


def seconds(text: str) -> float:
    """Read a time such as 90s, 30m, 1.5h. A bare number could mean any unit.

    >>> seconds("30m")
    1800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    n = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
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


def share(text: str) -> float:
    """Read a share of the texts that can be held out.

    >>> share("0.2"), share("20%")
    (0.2, 0.2)
    """
    match = re.fullmatch(r"(\d*\.?\d+)(\s*%)?", text)
    found = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0.05 <= found <= 0.5:
        raise argparse.ArgumentTypeError(f"must be from 0.05 to 0.5, but got {text!r}")
    return found


def accuracy(text: str) -> float:
    """Read an accuracy.

    >>> accuracy("0.87"), accuracy("87%")
    (0.87, 0.87)
    """
    match = re.fullmatch(r"(\d*\.?\d+)(\s*%)?", text)
    found = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < found <= 1:
        raise argparse.ArgumentTypeError(
            f"must be an accuracy above 0, at most 1, such as 0.87 or 87%, but got {text!r}"
        )
    return found


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, but got {text!r}")
    return int(text)
