"""Ranges that depend on others: which trials have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from spaces import Choice, Family, Int, Study
from spaces.families import FAMILIES, OURS
from spaces.plan import StudyPlan

WIDE = (("own.kind", ("wide",)),)


def build(n_tokens: int, maxlen: int, n_classes: int, masked: bool, **values: Any) -> None:
    """Stands in for a builder."""


@pytest.fixture
def plan() -> Iterator[StudyPlan]:
    ranges: dict[str, Any] = {
        "kind": Choice(("narrow", "wide"), default="narrow"),
        "units": Int(1, 9, default=3, when=WIDE),
        "layers": Int(1, 2, default=1, when=(("own.units", (3, 4)),)),
    }
    yield Study("own", "?", families=[Family("own", build, **ranges)], search=["own.*"])
    for name in set(FAMILIES) - OURS:
        del FAMILIES[name]


@pytest.mark.parametrize(
    ("params", "has"),
    [
        ({}, {"own.kind"}),
        ({"own.kind": "wide"}, {"own.kind", "own.units", "own.layers"}),
        ({"own.kind": "wide", "own.units": 9}, {"own.kind", "own.units"}),
    ],
)
def test_a_trial_has_a_range_if_all_that_it_depends_on_hold(
    params: dict[str, Any], has: set[str], plan: StudyPlan
) -> None:
    assert {name for name in plan.complete(params) if name.startswith("own.")} == has


def test_what_others_depend_on_is_proposed_before_them_wherever_it_was_named(
    plan: StudyPlan,
) -> None:
    later = replace(plan, searched=("own.units", "own.layers", "own.kind"))
    assert later.searched_for({}) == ["own.kind", "own.units", "own.layers"]


def test_another_range_keeps_what_it_depends_on(plan: StudyPlan) -> None:
    for wanted in (Int(1, 4, default=2), Choice((1, 2), default=1)):
        assert plan.with_ranges({"own.units": wanted}).space["own.units"].when == WIDE
    assert plan.with_values({"own.units": 12}).space["own.units"].when == WIDE


@pytest.mark.parametrize("other", ["own.units", "own.gone", "lstm.units"])
def test_a_range_may_depend_only_on_what_is_there_before_it(other: str) -> None:
    range_ = Int(1, 9, default=3, when=((other, (3,)),))
    with pytest.raises(ValueError, match="may depend on a range before it, of none, but got"):
        Family("own", build, units=range_)


def test_a_range_cannot_depend_on_a_shared_one_that_no_study_has() -> None:
    range_ = Int(1, 9, default=3, when=(("text.gone", (3,)),))
    with pytest.raises(ValueError, match=r"own\.units depends on text\.gone, which is not there"):
        Study("own", "?", families=[Family("own", build, units=range_)], search=["own.*"])
    del FAMILIES["own"]


def test_a_trial_that_lacks_what_depends_on_its_values_lies_inside_the_space(
    plan: StudyPlan,
) -> None:
    trial = plan.complete({"own.kind": "narrow"})
    assert "own.units" not in trial
    assert plan.values_of("own", trial) == trial
