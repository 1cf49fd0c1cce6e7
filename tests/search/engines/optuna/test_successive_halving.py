"""Successive halving: who goes on at a rung, who is paused there, and who is promoted later."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from search.engines.optuna.optuna_engine import OptunaEngine
from search.engines.optuna.successive_halving import Rungs, Steps
from spaces.studies import STUDIES
from tests.builders import build_epochs, build_score, build_trial
from tracking.records import RungRecord, TrialRecord

ONE = Rungs(3)  # a single rung, at step 1
NINE = Rungs(9)  # rungs at steps 1 and 3: trials of even numbers are judged at both


@pytest.mark.parametrize(
    ("most_steps", "rungs"),
    [(1, []), (2, [1]), (3, [1]), (4, [1, 3]), (9, [1, 3]), (10, [1, 3, 9])],
)
def test_each_rung_is_three_times_as_far_as_the_one_before_and_none_is_the_end(
    most_steps: int, rungs: list[int]
) -> None:
    assert Rungs(most_steps).all == rungs
    brackets = [Rungs(most_steps).of(number) for number in range(len(rungs))]
    assert brackets == [rungs[first:] for first in range(len(rungs))]


@pytest.mark.parametrize(
    ("accuracy", "others", "is_poor"),
    [
        (0.5, [], False),  # nobody to compare with
        (0.5, [0.6], True),
        (0.7, [0.6], False),
        (0.7, [0.6, 0.8], True),  # of three one is among the best third
        (0.7, [0.6, 0.8, 0.6, 0.6, 0.6], False),  # of six there are two
        (0.7, [0.8, 0.8, 0.6, 0.6, 0.6], True),
        (0.7, [0.7, 0.7, 0.7], False),  # equals are not better
    ],
)
def test_at_a_rung_the_best_third_goes_on(
    accuracy: float, others: list[float], is_poor: bool
) -> None:
    rivals = {number: {1: value, 2: 0.9} for number, value in enumerate(others)}
    assert ONE.is_poor(9, {1: accuracy}, rivals) == is_poor


def test_between_rungs_nobody_is_judged() -> None:
    rivals = {number: {1: 0.9, 2: 0.9, 3: 0.9, 4: 0.9} for number in (0, 2, 4)}
    poor = {step: 0.5 for step in range(1, 10)}
    judged = [n for n in poor if NINE.is_poor(6, {s: poor[s] for s in range(1, n + 1)}, rivals)]
    assert judged == [1, 3]


def test_a_trial_is_compared_with_its_own_bracket_at_the_same_rung_alone() -> None:
    others: dict[int, Steps] = {
        1: {1: 0.9, 2: 0.9, 3: 0.9},  # of the other bracket
        2: {1: 0.9},  # which has not come to step 3
        4: {1: 0.5, 2: 0.5, 3: 0.5},
    }
    assert NINE.is_poor(6, {1: 0.6}, others)
    assert not NINE.is_poor(6, {1: 0.6, 2: 0.6, 3: 0.6}, others)
    assert not NINE.is_poor(3, {1: 0.1}, others)  # its bracket begins to judge at step 3


def test_a_paused_trial_is_promoted_when_it_is_among_the_best_by_now() -> None:
    trials: dict[int, Steps] = {0: {1: 0.8, 2: 0.8}, 1: {1: 0.7}, 2: {1: 0.6}}
    assert ONE.is_poor(1, trials[1], {0: trials[0]})
    assert ONE.promoted([1, 2], trials) is None
    trials |= {number: {1: 0.5} for number in (3, 4)}
    assert ONE.promoted([1, 2, 3, 4], trials) is None
    trials[5] = {1: 0.5}
    assert ONE.promoted([1, 2, 3, 4, 5], trials) == 1


def test_a_trial_that_was_paused_where_no_rung_is_any_more_is_not_promoted() -> None:
    assert ONE.promoted([0, 1], {0: {1: 0.9, 2: 0.9}, 1: {}}) is None


PLAN = replace(STUDIES["cnn"].with_max_epochs(9), references=())


def of_plan(number: int, *accuracies: float, **changes: Any) -> TrialRecord:
    """A trial that lies inside the ranges."""
    values = {"family": "cnn", "params": PLAN.complete({})}
    return build_trial(number, *accuracies, **values, **changes)


def finish(history: list[TrialRecord], number: int, quality: float, engine: OptunaEngine) -> None:
    """Train a trial from where it stands, until it is paused or at its end."""
    trial = replace(history[number], state="running", reason="")
    if engine.first_rung and trial.rung is None:
        trial = replace(trial, rung=RungRecord(engine.first_rung, quality, 1.0))
        reason = engine.should_prune(trial, history)
        if reason is not None:
            history[number] = replace(trial, state="pruned", reason=reason)
            return
    for n in range(len(trial.epochs) + 1, 10):
        trial = replace(trial, epochs=build_epochs(*(quality + e / 1_000 for e in range(n))))
        reason = engine.should_prune(trial, history) if n < 9 else None
        if reason is not None:
            history[number] = replace(trial, state="pruned", reason=reason)
            return
    history[number] = replace(trial, state="complete", score=build_score(trial.epochs))


@pytest.mark.parametrize("n_texts", [0, 20_000])
def test_a_study_with_hyperband_trains_the_best_to_the_end_and_most_others_briefly(
    n_texts: int,
) -> None:
    engine = OptunaEngine(PLAN, seed=7, sampler="random", pruner="hyperband", n_texts=n_texts)
    assert engine.first_rung == (0.25 if n_texts else None)
    random, history, promoted = Random(1), list[TrialRecord](), []
    qualities = [random.uniform(0.5, 0.9) for _ in range(40)]
    while True:
        number = engine.promote(history)
        if number is None:
            if len(history) == 40:
                break
            number = len(history)
            proposed_by = "random" if number else "defaults"
            new = of_plan(number, state="running", proposed_by=proposed_by, epochs=())
            history.append(replace(new, sampler_state={}))
        else:
            promoted.append(number)
        finish(history, number, qualities[number], engine)
    assert history[0].state == "complete"  # an initial trial, however poor
    assert promoted
    whole = [trial for trial in history if trial.state == "complete"]
    assert qualities.index(max(qualities)) in {trial.number for trial in whole}
    assert len(whole) < 25
    paused = [trial for trial in history if trial.state == "pruned"]
    after = {trial.reason.partition(":")[0] for trial in paused}
    assert after >= (
        {"after 25 % of the training texts", "after epoch 1"}
        if n_texts
        else {"after epoch 1", "after epoch 3"}
    )
    for trial in paused:
        own, n, least = _numbers(trial.reason)
        assert own < least
        assert n <= 40


def _numbers(reason: str) -> tuple[float, int, float]:
    """Read a reason: the trial's own accuracy, of how many, and from where they go on."""
    found = re.fullmatch(
        r"after .+: ([\d.]+) %, below the best(?: \d+)? of (\d+) trials at this rung, "
        r"which go on from ([\d.]+) %",
        reason,
    )
    assert found is not None, reason
    return float(found[1]), int(found[2]), float(found[3])


def test_a_reason_names_the_accuracy_that_would_have_been_enough() -> None:
    engine = OptunaEngine(PLAN, seed=7, sampler="random", pruner="hyperband")
    n_rungs = len(engine._rungs.all)
    others = [
        of_plan(n_rungs * n, accuracy)
        for n, accuracy in enumerate((0.9, 0.85, 0.8, 0.6, 0.6), start=1)
    ]
    poor = of_plan(0, 0.7, state="running", proposed_by="random")
    assert engine.should_prune(poor, others) == (
        "after epoch 1: 70.00 %, below the best 2 of 6 trials at this rung, which go on from "
        "85.00 %"
    )


def test_of_few_texts_none_are_enough_for_a_verdict_within_an_epoch() -> None:
    for pruner, n_texts in (("hyperband", 3_000), ("median", 20_000)):
        engine = OptunaEngine(PLAN, seed=7, sampler="tpe", pruner=pruner, n_texts=n_texts)
        assert engine.first_rung is None
        paused = of_plan(0, state="pruned")
        assert engine.may_go_on(paused) == (pruner == "hyperband")
        assert not engine.may_go_on(of_plan(0))
        assert not engine.may_go_on(replace(paused, family="lstm"))  # outside of the ranges
