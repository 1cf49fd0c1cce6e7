"""The range of a hyperparameter, read from the words in which it is on record."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from tracking.records import Value

_NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"
_WORDS = re.compile(rf"{_NUMBER} to {_NUMBER}( \(log\))?")
_EDGE = 0.05  # share of a range that counts as its edge


@dataclass(frozen=True)
class NumberRange:
    """Numbers from `low` to `high`, both included; `log` spreads them by ratio."""

    low: float
    high: float
    log: bool

    def place(self, value: float) -> float:
        """Where a value lies, from 0 at the lower end to 1 at the upper."""
        low, high, at = self.low, self.high, value
        if self.log and min(low, at) > 0:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low) if high > low else 0.5

    def edge(self, value: float) -> str:
        """Name the edge that a value lies at: "lower", "upper", or none.

        The lower end is no edge where nothing can lie below: a share of 0, one of something.
        """
        if self.high <= self.low:
            return ""
        place = self.place(value)
        if place >= 1 - _EDGE:
            return "upper"
        natural = self.low == 0 or (self.low == 1 and not self.log)
        return "lower" if place <= _EDGE and not natural else ""


def parse(words: str) -> NumberRange | None:
    """Read "0.1 to 10 (log)"; None where a range is no range of numbers."""
    found = _WORDS.fullmatch(words)
    if found is None:
        return None
    low, high, log = found.groups()
    return NumberRange(float(low), float(high), log is not None)


def number(value: Value | None) -> float | None:
    """Return a value as a finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond all floats
        return None
