"""Describe a study: the way that ours, a person's own file and a file of TOML all go."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spaces.families import FAMILY, register, space_of
from spaces.family import Family
from spaces.plan import Reference, StudyPlan
from spaces.ranges import Params, Range, Value, unknown

_TIMEOUT = "17m"  # with what comes before and after, a study ends within 20 minutes
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_PER_MILLION = 8.0  # of an LSTM; the first trials correct it


def Study(
    name: str,
    question: str,
    /,
    *,
    families: Sequence[str | Family],
    search: Sequence[str] = (),
    values: Mapping[str, Value] | None = None,
    defaults: Mapping[str, Value] | None = None,
    ranges: Mapping[str, Range] | None = None,
    trials: int | None = 20,
    timeout: str | float | None = _TIMEOUT,
    seconds_per_million_tokens: float = _PER_MILLION,
    references: Sequence[Reference] = (),
    enqueued: Sequence[Params] = (),
    **more: Any,
) -> StudyPlan:
    """Describe a study.

    Args:
        name: of its records; letters, digits, "_", "-" and ".".
        families: the architectures that it tries: names, or a Family of one's own.
        search: names of hyperparameters to search; "lstm.*" is all of a family. With several
            families, the family is searched too, without being named.
        values: fixes hyperparameters, also outside of their ranges.
        defaults: other defaults than the families have; references may have other values.
        ranges: other ranges than the families have; their names are searched.
        timeout: seconds, or text such as "30m"; None is no limit.
        enqueued: values of trials that are tried first.
        more: other fields of StudyPlan.

    Raises:
        ValueError: if a name is not known, or a value makes no sense.
    """
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise ValueError(f"a study's name has letters, digits, _, - and ., but got {name!r}.")
    for family in families:
        if isinstance(family, Family):
            register(family)
    space = space_of(*(f.name if isinstance(f, Family) else f for f in families))
    several = [FAMILY] if len(families) > 1 and (search or ranges) else []
    plan = StudyPlan(
        name=name,
        question=question,
        space=space,
        searched=tuple(dict.fromkeys([*several, *_matching(search, space)])),
        references=(),
        n_trials=trials,
        timeout=_seconds(timeout),
        seconds_per_million_tokens=seconds_per_million_tokens,
        **more,
    )
    plan = plan.with_values(values or {}).with_defaults(defaults or {}).with_ranges(ranges or {})
    # Last: a reference must fit to what the study has chosen.
    return replace(plan, references=tuple(references)).enqueue(*enqueued)


def _matching(patterns: Sequence[str], space: Mapping[str, Range]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        names = [name for name in space if fnmatch.fnmatchcase(name, pattern) and name != FAMILY]
        if not names and pattern != FAMILY:
            raise ValueError(unknown("hyperparameter", pattern, set(space) - {FAMILY}))
        found += names
    return found


def _seconds(timeout: str | float | None) -> float | None:
    if timeout is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", str(timeout))
    seconds = float(match[1]) * _SECONDS[match[2]] if match else timeout
    if isinstance(seconds, str) or not seconds > 0:
        raise ValueError(
            f'timeout must be a time such as "90s", "30m" or "2h", but got {timeout!r}.'
        )
    return float(seconds)
