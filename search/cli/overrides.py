"""Values, ranges and families as they are typed, and trials to be queued."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Range, Value, nearest, unknown
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import LINE, plain

_BEST = 3  # trials of a study that another starts from


def overridden(
    plan: StudyPlan, families: str | None, values: Sequence[str], ranges: Sequence[str]
) -> StudyPlan:
    """Change a plan as it was typed: its families first, then its values and ranges.

    Raises:
        UserError: if something cannot be read, is not known, or makes no sense.
    """
    fixed, freed = _pairs("--set", "VALUE", values), _pairs("--range", "LOW..HIGH", ranges)
    for name in fixed:
        if name in freed:
            raise UserError(f"--set fixes {name} and --range searches it: give one of them.")
    try:
        if families is not None:
            plan = plan.with_families(_families(families))
        plan = plan.with_values({name: _value(text) for name, text in fixed.items()})
        plan = plan.with_ranges({n: _range(plan, n, text) for n, text in freed.items()})
    except ValueError as error:
        raise UserError(plain(str(error), LINE)) from None
    queue = plan.enqueued.items()  # of the plan's file
    return replace(plan, enqueued={n: values for n, values in queue if plan.has_room_for(values)})


def enqueued(plan: StudyPlan, typed: Sequence[str]) -> StudyPlan:
    """Queue the trials that were typed: NAME=VALUE,NAME=VALUE.

    Raises:
        UserError: if something cannot be read, is not known, or lies outside its range.
    """
    try:
        for text in typed:
            pairs = _pairs("--enqueue", "VALUE", re.split(r",(?=[^,=]+=)", text))
            plan = plan.enqueue({name: _value(value) for name, value in pairs.items()})
    except ValueError as error:
        remedy = " --range widens it." if " must be in " in str(error) else ""
        raise UserError(f"--enqueue: {plain(str(error), LINE)}{remedy}") from None
    return plan


def start_from(study: str, typed: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Read STUDY or STUDY:K, each study once.

    Args:
        study: that is to be run; it cannot start from itself.
    """
    found: dict[str, int] = {}
    for text in typed:
        name, colon, n = text.partition(":")
        if not name or (colon and not (n.isdecimal() and int(n))):
            raise UserError(
                f"--start-from takes STUDY or STUDY:K, K from 1, but got {plain(text)!r}."
            )
        if name == study or name in found:
            what = "has its own trials already" if name == study else "is given twice"
            raise UserError(f"--start-from {plain(name)}: study {plain(name)} {what}.")
        found[name] = int(n) if colon else _BEST
    return tuple(found.items())


def _families(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--families names each family once, but got {name} twice.")
    return names


def _pairs(option: str, what: str, typed: Sequence[str]) -> dict[str, str]:
    """Split NAME=REST, each name once."""
    found: dict[str, str] = {}
    for text in typed:
        name, equals, rest = (part.strip() for part in text.partition("="))
        if not (name and equals and rest):
            raise UserError(f"{option} takes NAME={what}, but got {plain(text)!r}.")
        if name in found:
            raise UserError(f"{option} {plain(name)} is given twice.")
        found[name] = rest
    return found


def _value(text: str) -> Value:
    """Read a number, true or false; everything else is a word.

    >>> _value("64"), _value("1e-3"), _value("true"), _value("mean")
    (64, 0.001, True, 'mean')
    """
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.IGNORECASE):
        return float(text)
    return bool(json.loads(text.lower())) if text.lower() in ("true", "false") else text


def _range(plan: StudyPlan, name: str, text: str) -> Range:
    """Read LOW..HIGH, LOW..HIGH:log, or a list a,b,c."""
    if name not in plan.space:
        raise ValueError(unknown("hyperparameter", name, plan.space))
    before = plan.space[name]
    ends, colon, spread = text.partition(":")
    low, dots, high = ends.partition("..")
    if dots:
        numbers = [_value(end.strip()) for end in (low, high)]
        if any(isinstance(n, bool | str) for n in numbers) or (colon and spread != "log"):
            raise ValueError(f"--range takes {name}=LOW..HIGH or LOW..HIGH:log, but got {text!r}.")
        least, most = (float(number) for number in numbers)
        default = nearest(before, numbers)
        if not isinstance(before, Choice) and least <= float(before.default) <= most:
            default = before.default
        first, last = numbers  # of any type: `changed` says which the range has
        return Float(first, last, default=default, log=bool(colon))  # type: ignore[arg-type]
    options = tuple(_value(option.strip()) for option in text.split(","))
    if len(options) == 1:
        raise ValueError(
            f"--range takes {name}=LOW..HIGH or a list a,b,c, but got {text!r}; "
            f"--set {name}={text} fixes one value."
        )
    return Choice(options, default=nearest(before, options))
