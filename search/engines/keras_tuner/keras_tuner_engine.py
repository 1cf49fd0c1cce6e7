"""Keras Tuner as the engine: its oracles propose from the history of trials.

Its hyperband promotes a trial by having another one trained for more epochs, with the same values
and seed: with a constant step size, that begins with the checkpoint of the first, and its curve
goes on as it would have; a schedule over all epochs has it begin anew.
"""

from __future__ import annotations

from dataclasses import replace

from search.engines.base import (
    History,
    Proposal,
    derive,
    initial_proposal,
    name_proposal,
    next_number,
)
from search.engines.keras_tuner.oracle import EPOCHS, ROUND_EPOCHS, ROUND_PROMOTES, Proposer
from spaces.plan import StudyPlan
from tracking.records import TrialRecord


class KerasTunerEngine:
    """A search by one of Keras Tuner's oracles.

    Raises:
        ValueError: if Keras Tuner has no such sampler.
    """

    first_rung: float | None = None

    def __init__(self, plan: StudyPlan, *, seed: int, sampler: str) -> None:
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._proposer = Proposer(sampler, plan, seed)

    def propose(self, history: History) -> Proposal | None:
        return initial_proposal(self._plan, history, self._seed) or self._propose(history)

    def promote(self, history: History) -> int | None:
        return None

    def may_go_on(self, trial: TrialRecord) -> bool:
        return self._proposer.may_promote(trial)

    def should_prune(self, trial: TrialRecord, history: History) -> str | None:
        return None  # Keras Tuner has no pruners: its hyperband promotes instead

    def _propose(self, history: History) -> Proposal | None:
        proposed = self._proposer.propose(history)
        if proposed is None:
            return None
        values, state = proposed
        params = self._plan.complete(values)
        if ROUND_EPOCHS in state:
            params[EPOCHS] = state[ROUND_EPOCHS]
        number = next_number(history)
        proposed_by = name_proposal(params, history, self._sampler)
        proposal = Proposal(
            number, params, derive(self._seed, number, "train"), proposed_by, state
        )
        if ROUND_PROMOTES not in state:
            return proposal
        (before,) = (t for t in history if t.number == int(state[ROUND_PROMOTES]))
        return replace(
            proposal,
            params={**before.params, EPOCHS: params[EPOCHS]},
            seed=before.seed,
            proposed_by=f"promoted-from-{before.number}",
            continues=before.number,
        )
