"""A list of configurations: gone through in turn, on seeds that no stop changes."""

from __future__ import annotations

from dataclasses import replace

from search.engines.fixed_list import ListedEngine
from spaces.studies import STUDIES
from tests.histories import begun, ended, run, run_three_at_once

PLAN = replace(STUDIES["tutorials"], only=("lstm-2016", "feedforward-dropout"))


def test_each_configuration_is_trained_in_turn_and_each_time_on_another_seed() -> None:
    trials = run(lambda: ListedEngine(PLAN, seed=7), 4)
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert [trial.proposed_by for trial in trials] == ["lstm-2016", "feedforward-dropout"] * 2
    assert len({trial.seed for trial in trials}) == 4
    assert [trial.params for trial in trials[:2]] == [*PLAN.initial_trials().values()]


def test_a_list_that_is_stopped_before_every_proposal_goes_on_as_one_that_is_not() -> None:
    whole, stopped = (
        run_three_at_once(lambda: ListedEngine(PLAN, seed=7), 6, stops=s) for s in (False, True)
    )
    assert whole == stopped
    assert len({(trial.proposed_by, trial.seed) for trial in whole}) == 6


def test_what_was_trained_for_another_part_of_the_list_counts_for_this_one() -> None:
    trials = run(lambda: ListedEngine(replace(PLAN, only=()), seed=7), 5)
    proposal = ListedEngine(PLAN, seed=7).propose(trials)
    done = {trial.proposed_by for trial in trials} & {*PLAN.only}
    assert (proposal.number, proposal.proposed_by in done) == (5, done == {*PLAN.only})


def test_a_configuration_that_was_corrected_since_is_trained_again() -> None:
    first = ListedEngine(PLAN, seed=7).propose([])
    old = ended(begun(replace(first, params={**first.params, "train.epochs": 99})), 0.8)
    again = ListedEngine(PLAN, seed=7).propose([old])
    assert (again.proposed_by, again.params, again.seed) == (
        first.proposed_by,
        first.params,
        first.seed,
    )
