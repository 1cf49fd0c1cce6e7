"""Keras Tuner as the engine: its oracles propose from the history of trials.

Its hyperband promotes a trial by having the same values trained again for more epochs, on the same
seed: with a constant step size, the curve goes on as it would have.
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
    promotes = False

    def __init__(self, plan: StudyPlan, *, seed: int, sampler: str) -> None:
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._proposer = Proposer(sampler, plan, seed)

    def propose(self, history: History) -> Proposal | None:
        return initial_proposal(self._plan, history, self._seed) or self._propose(history)

    def promote(self, history: History) -> int | None:
        return None

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
        )
