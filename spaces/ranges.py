"""Ranges: the values a hyperparameter may take, its default, and what it means.

A space maps one dotted name to one range. The prefix says who consumes the value: `text.`,
`train.`, or the name of an architecture family.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path

Value = bool | int | float | str
Params = Mapping[str, Value]

# It is there only in trials where each of these hyperparameters has one of these values.
When = tuple[tuple[str, tuple[Value, ...]], ...]

_NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"


@dataclass(frozen=True)
class Float:
    """Real values from `low` to `high`, both included; `log` spreads them by ratio.

    Attributes:
        most: no value above it makes sense, whatever range a person asks for; None is no limit.
        when: full names of other hyperparameters, and values of each, that it depends on.
    """

    low: float
    high: float
    _: KW_ONLY
    default: float
    note: str = ""
    log: bool = False
    most: float | None = field(default=None, repr=False)
    when: When = field(default=(), repr=False)

    def admits(self, value: object) -> bool:
        """Return whether a person may choose this value, though it lies outside the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not math.isfinite(value) or (self.most is not None and value > self.most):
            return False
        return value > 0 if self.low > 0 else value >= 0 or self.low < 0

    @property
    def law(self) -> str:
        """Which values `admits` takes, in words."""
        least = " above 0" if self.low > 0 else " from 0" if self.low == 0 else ""
        return f"a number{least}" + ("" if self.most is None else f" to {self.most:g}")

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{' (log)' if self.log else ''}"


@dataclass(frozen=True)
class Int:
    """Whole numbers from `low` to `high`, both included; `log` spreads them by ratio.

    Attributes:
        least, most: no value beyond them makes sense, whatever range a person asks for. Without
            `least` it is 1 or 0, where `low` is not below that.
        when: full names of other hyperparameters, and values of each, that it depends on.
    """

    low: int
    high: int
    _: KW_ONLY
    default: int
    note: str = ""
    log: bool = False
    least: int | None = field(default=None, repr=False)
    most: int | None = field(default=None, repr=False)
    when: When = field(default=(), repr=False)

    def admits(self, value: object) -> bool:
        """Return whether a person may choose this value, though it lies outside the range."""
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        least, most = self._least, self.most
        return (least is None or value >= least) and (most is None or value <= most)

    @property
    def law(self) -> str:
        """Which values `admits` takes, in words."""
        least = "" if self._least is None else f" from {self._least}"
        return f"a whole number{least}" + ("" if self.most is None else f" to {self.most}")

    @property
    def _least(self) -> int | None:
        if self.least is not None:
            return self.least
        return min(self.low, 1) if self.low >= 0 else None

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"{self.low} to {self.high}{' (log)' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """One of `options`, without an order between them.

    Attributes:
        when: full names of other hyperparameters, and values of each, that it depends on.
    """

    options: tuple[Value, ...]
    _: KW_ONLY
    default: Value
    note: str = ""
    when: When = field(default=(), repr=False)

    def admits(self, value: object) -> bool:
        """Return whether a person may choose this value: the builder knows no other."""
        return value in self

    @property
    def law(self) -> str:
        """Which values `admits` takes, in words."""
        return f"one of {', '.join(map(str, self.options))}"

    def __contains__(self, value: object) -> bool:
        return any(value == option and type(value) is type(option) for option in self.options)

    def __str__(self) -> str:
        return " | ".join(str(option) for option in self.options)


Range = Float | Int | Choice
Space = Mapping[str, Range]


def fixed(name: str, range_: Range, value: object) -> Range:
    """Narrow a range to one value, which may lie outside of it.

    Raises:
        ValueError: if no such value makes sense.
    """
    one = _typed(range_, value)
    if not range_.admits(one):
        raise ValueError(f"{name} must be {range_.law}, but got {value!r}.")
    match range_:
        case Int():
            assert isinstance(one, int)
            return replace(range_, low=one, high=one, default=one, log=False)
        case Float():
            assert isinstance(one, float)
            return replace(range_, low=one, high=one, default=one, log=False)
    return replace(range_, options=(one,), default=one)


def inside(name: str, range_: Range, value: object) -> Value:
    """Return a value of a range, as the range has it.

    Raises:
        ValueError: if it lies outside.
    """
    one = _typed(range_, value)
    if one not in range_:
        raise ValueError(f"{name} must be in {range_}, but got {value!r}.")
    return one


def is_fixed(range_: Range) -> bool:
    """Return whether a range has one value only."""
    if isinstance(range_, Choice):
        return len(range_.options) == 1
    return range_.low == range_.high


def changed(name: str, range_: Range, wanted: Range) -> Range:
    """Put another range in the place of one; it keeps the note, and the limits.

    Raises:
        ValueError: if a value of the other makes no sense, or it has none.
    """
    note = wanted.note or range_.note
    if isinstance(wanted, Choice):
        options = [_typed(range_, option) for option in wanted.options]
        for option in options:
            if not range_.admits(option):
                raise ValueError(f"{name} must be {range_.law}, but got {option!r}.")
        if not 0 < len(set(options)) == len(options):
            shown = ", ".join(map(str, options))
            raise ValueError(f"{name} needs values, each once, but got {shown or 'none'}.")
        default = _typed(range_, wanted.default)
        return Choice(tuple(options), default=default, note=note, when=range_.when)
    if isinstance(range_, Choice):
        raise ValueError(f"{name} must be {range_.law}, but got {wanted}: it has no order.")
    low, high, default = (_typed(range_, v) for v in (wanted.low, wanted.high, wanted.default))
    for end in (low, high):
        if not range_.admits(end):
            raise ValueError(f"{name} must be {range_.law}, but got {end!r}.")
    if not wanted.low <= wanted.high:
        raise ValueError(f"{name} needs a range that rises, but got {wanted}.")
    if wanted.log and wanted.low <= 0:
        raise ValueError(f"{name} is spread by ratio (log) above 0 only, but got {wanted}.")
    if not wanted.low <= wanted.default <= wanted.high:
        raise ValueError(f"{name} has its default in {wanted}, but got {wanted.default!r}.")
    found: Range = replace(range_, low=low, high=high, default=default, log=wanted.log, note=note)  # type: ignore[arg-type]
    return found


def nearest(range_: Range, wanted: Sequence[Value] | tuple[float, float]) -> Value:
    """Return the default of a range, or what is closest to it of the options, or ends, wanted."""
    default = range_.default
    if default in wanted or isinstance(range_, Choice):
        return default if default in wanted else wanted[0]
    return min(wanted, key=lambda value: abs(float(value) - float(default)))


def unknown(noun: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence that refuses an unknown name, with the known ones and a suggestion."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"unknown {noun} {name!r}.{hint} Known: {', '.join(names)}."


def _typed(range_: Range, value: object) -> Value:
    """Write a number as the range has it: 1 is 1.0 where real numbers are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value  # type: ignore[return-value]
    if isinstance(range_, Float):
        return float(value)
    if isinstance(range_, Choice):
        same = (o for o in range_.options if o == value and not isinstance(o, bool))
        return next(same, value)
    return value


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
