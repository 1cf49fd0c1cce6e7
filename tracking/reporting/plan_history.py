"""How the space of a study was changed, in words: which ranges and values, and what it learned."""

from __future__ import annotations

from collections.abc import Sequence

from tracking.commandline.formatting import brief
from tracking.records import EarlierPlanRecord, PlanRecord

Change = tuple[str, str, str]  # hyperparameter, was, is; empty where it was or is not there
HEAD = ("from trial", "hyperparameter", "was", "is")
_SHOWN = 6  # changes in one line


def changes(
    before: EarlierPlanRecord | PlanRecord, after: EarlierPlanRecord | PlanRecord
) -> list[Change]:
    """Return which ranges and values differ between two plans."""
    was, now = _words(before), _words(after)
    names = dict.fromkeys([*now, *was])
    return [(n, was.get(n, ""), now.get(n, "")) for n in names if was.get(n) != now.get(n)]


def line(found: Sequence[Change]) -> str:
    """Say what was changed, in one line."""
    shown = [_said(*change) for change in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join([*shown, *more])


def sentences(plan: PlanRecord) -> list[str]:
    """Say of each change of the space when it was, and what the search learned from since."""
    return [
        f"The space was changed before trial {one.until}: {inside(one.n_inside, one.n_trials)}."
        for one in plan.earlier
    ]


def inside(n_inside: int, n_trials: int) -> str:
    """Say how many trials lie inside the new ranges."""
    trials = "trial lies" if n_trials == 1 else "trials lie"
    what = "these" if n_inside > 1 else "this one" if n_inside else "none of them"
    return (
        f"{n_inside} of {n_trials} {trials} inside the new ranges; the search learns from {what}"
    )


def rows(plan: PlanRecord) -> list[tuple[str, ...]]:
    """Return a row under HEAD for each hyperparameter that was changed, the first change first."""
    found: list[tuple[str, ...]] = []
    plans: list[EarlierPlanRecord | PlanRecord] = [*plan.earlier[1:], plan]
    for before, after in zip(plan.earlier, plans, strict=False):  # without one, there is the plan
        found += [
            (str(before.until), name, was or "absent", now or "absent")
            for name, was, now in changes(before, after)
        ]
    return found


def _words(plan: EarlierPlanRecord | PlanRecord) -> dict[str, str]:
    fixed = {name: brief(value) for name, value in plan.fixed.items()}
    return {**fixed, **plan.space, "model.family": " | ".join(plan.families)}


def _said(name: str, was: str, now: str) -> str:
    if not was:
        return f"{name} is new, {now}"
    return f"{name} was {was}, is {now or 'no more'}"
