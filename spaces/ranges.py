"""Ranges: the values a hyperparameter may take, its default, and what it means.

A space maps one dotted name to one range. The prefix says who consumes the value: `text.`,
`train.`, or the name of an architecture family.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Value = bool | int | float | str
Params = Mapping[str, Value]

_NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"


@dataclass(frozen=True, kw_only=True)
class Float:
    """Real values from `low` to `high`, both included; `log` spreads them by ratio."""

    low: float
    high: float
    default: float
    note: str
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (log)' if self.log else ''}"


@dataclass(frozen=True, kw_only=True)
class Int:
    """Whole numbers from `low` to `high`, both included; `log` spreads them by ratio."""

    low: int
    high: int
    default: int
    note: str
    log: bool = False

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"{self.low} to {self.high}{' (log)' if self.log else ''}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of `options`, without an order between them."""

    options: tuple[Value, ...]
    default: Value
    note: str

    def __contains__(self, value: object) -> bool:
        return any(value == option and type(value) is type(option) for option in self.options)

    def __str__(self) -> str:
        return " | ".join(str(option) for option in self.options)


Range = Float | Int | Choice
Space = Mapping[str, Range]


def read(words: str, values: Sequence[Value]) -> Range:
    """Read what `str` wrote of a range, and widen it to these values of it.

    The values also tell real from whole numbers and text from numbers, which the words do not. The
    default is any value of the range.

    >>> read("8 to 256 (log)", [4, 64])
    Int(low=4, high=256, default=4, note='', log=True)
    """
    numbers = re.fullmatch(rf"{_NUMBER} to {_NUMBER}( \(log\))?", words)
    if numbers is None or any(isinstance(value, bool | str) for value in values):
        told = {str(value): value for value in values}
        options = [told[word] if word in told else _option(word) for word in words.split(" | ")]
        every = tuple(dict.fromkeys([*options, *told.values()]))
        return Choice(options=every, default=every[0], note="")
    ends = [json.loads(number) for number in numbers.group(1, 2)]
    seen = [*ends, *values]
    low, high = min(seen), max(seen)
    log = numbers[3] is not None and low > 0
    if all(isinstance(number, int) for number in seen):
        return Int(low=low, high=high, default=low, note="", log=log)
    return Float(low=low, high=high, default=low, note="", log=log)


def _option(word: str) -> Value:
    """Read an option that no trial has had."""
    try:
        option: Value = json.loads(word.lower() if word in ("True", "False") else word)
    except ValueError:
        return word
    return option


def declare(file: str, prefix: str, /, **ranges: Range) -> Space:
    """Declare the ranges of one consumer. (Python itself refuses a keyword given twice.)

    Args:
        file: `__file__` of the declaration, for the message.
        prefix: who consumes the values.

    Raises:
        ValueError: if a default lies outside its range.
    """
    where = "/".join(Path(file).parts[-2:])
    space = {f"{prefix}.{name}": range_ for name, range_ in ranges.items()}
    check(space, defaults(space), of=f"{where}, default")
    return space


def join(*spaces: Space) -> Space:
    """Merge spaces into one.

    Raises:
        ValueError: if a name stands in two of them.
    """
    joined: dict[str, Range] = {}
    for space in spaces:
        for name, range_ in space.items():
            if name in joined:
                raise ValueError(f"A hyperparameter has one range, but {name} is declared twice.")
            joined[name] = range_
    return joined


def check(space: Space, params: Params, *, of: str) -> None:
    """Refuse a name that the space does not have and a value outside its range.

    Args:
        of: what the values are, for the message ("default", "reference lstm-2016").
    """
    for name, value in params.items():
        if name not in space:
            raise ValueError(f"{of}: {name} is not a hyperparameter of {sorted(space)}.")
        if value not in space[name]:
            raise ValueError(f"{of}: {name} must be in {space[name]}, but got {value!r}.")


def defaults(space: Space) -> dict[str, Value]:
    """Map each name to its default."""
    return {name: range_.default for name, range_ in space.items()}


def take(params: Params, prefix: str) -> dict[str, Value]:
    """Return the values of one consumer under the bare names it takes as keywords.

    >>> take({"text.maxlen": 400, "lstm.units": 64}, "lstm")
    {'units': 64}
    """
    return {
        name.removeprefix(f"{prefix}."): value
        for name, value in params.items()
        if name.startswith(f"{prefix}.")
    }
