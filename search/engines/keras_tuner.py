"""Keras Tuner as the engine: its oracles propose, one process asks, a journal remembers.

Every proposal is seeded by (study seed, how many came before), as with Optuna. Its hyperband
promotes a trial by having the same values trained again for more epochs, on the same seed: the
curve goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from search.engines import Asked, derive
from search.engines.in_order import Order
from search.engines.journal import Attempt, Ended, Journal
from search.engines.keras_tuner_learner import Learner
from search.engines.keras_tuner_oracle import EPOCHS, Proposer
from search.engines.settling import LONGEST_REASON, settle_journal
from spaces.plan import StudyPlan
from spaces.ranges import Params
from tracking.cli import UserError
from tracking.records import State, TrialRecord
from tracking.redaction import redact


class KerasTunerEngine:
    """A search by one of Keras Tuner's oracles.

    Args:
        file: the journal; None keeps it in memory, for a replay.
        owner: id of the records that it belongs to.
        n_workers: how far a proposal is ahead of what it knows (search/engines/in_order.py); None
            if it knows whatever has ended.
    """

    first_rung: float | None = None

    def __init__(
        self,
        file: Path | None,
        owner: str,
        plan: StudyPlan,
        *,
        seed: int,
        sampler: str,
        n_workers: int | None = None,
    ) -> None:
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._name = file.stem if file else plan.name
        self._journal = Journal(file, owner)
        self._attempts = self._journal.attempts
        self._adopted: set[int] = set()
        self._order = Order(n_workers)
        for event in self._journal.events:
            self._note(event)
        proposer = Proposer(sampler, plan, seed)
        self._learner = Learner(
            proposer, plan, sampler, self._attempts, self._order, n_workers=n_workers
        )
        self._learner.replay(self._journal.events)

    def ask(self) -> Asked | None:
        if self._order.n_known(self._order.next) is None:
            return None
        attempt = self._again() or self._starting_point() or self._proposal()
        if attempt is None:
            return None
        self._journal.ask(attempt)
        self._note(attempt)
        return Asked(attempt.number, attempt.params, attempt.seed, attempt.origin)

    def should_prune(self, number: int, n_epochs: float, accuracy: float) -> bool:
        return False  # Keras Tuner promotes instead

    def tell(
        self,
        number: int,
        state: State,
        value: float | None,
        *,
        void: bool,
        n_parameters: int | None = None,
        reason: str = "",
    ) -> None:
        value = value if state == "complete" else None
        self._journal.tell(Ended(number, state, value, void, redact(reason)[-LONGEST_REASON:]))
        self._end(number)

    def adopt(self, asked: Asked) -> bool:
        attempt = self._attempts.get(asked.number)
        if attempt is None or attempt.state != "running":
            return False
        if (attempt.params, attempt.seed) != (asked.params, asked.seed):
            return False
        self._adopted.add(asked.number)
        return True

    def refuse_unknown(self, numbers: Collection[int]) -> None:
        unknown = sorted(set(numbers) - self._attempts.keys())
        if unknown:
            raise UserError(
                f"MLflow has trials of {self._name} that Keras Tuner's journal has not, "
                f"{unknown[0]} among them. Add --fresh to put the records aside and start anew."
            )

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        for end in settle_journal(self._journal, recorded, self._adopted):
            self._end(end.number)

    def n_finished(self) -> int:
        return sum(a.state != "running" and not a.void for a in self._attempts.values())

    def seconds_spent(self) -> float:
        return self._journal.seconds

    def spend(self, seconds: float) -> None:
        self._journal.spend(seconds)

    def known(self) -> list[tuple[str, float | None]] | None:
        if not self._learner.in_order:
            return None
        n_known = self._order.n_known(self._order.next) or 0
        attempts = [self._attempts[self._order.number(place)] for place in range(n_known)]
        return [(attempt.origin, attempt.value) for attempt in attempts]

    @property
    def _next_number(self) -> int:
        return max(self._attempts, default=-1) + 1

    def _again(self) -> Attempt | None:
        """Give the first attempt that was cut short and not made again."""
        if self._order.next == len(self._order):
            return None
        attempt = self._attempts[self._order.number(self._order.next)]
        return replace(
            attempt, number=self._next_number, state="running", void=False, value=None, reason=""
        )

    def _starting_point(self) -> Attempt | None:
        tried = {attempt.origin for attempt in self._attempts.values()}
        for origin, params in self._plan.starting_points().items():
            if origin not in tried:
                self._learner.learn(len(self._order))
                attempt = self._attempt("", origin, params)
                self._learner.begin(attempt)
                return attempt
        return None

    def _proposal(self) -> Attempt | None:
        proposed = self._learner.propose(len(self._order), self._next_number)
        if proposed is None:
            return None
        values, rung = proposed
        params = self._plan.complete(values)
        attempt = replace(self._attempt(self._sampler, self._sampler, params), rung=rung)
        if "tuner/epochs" in rung:
            attempt = self._on_rung(attempt)
        for place in range(self._learner.n_known):
            other = self._attempts[self._order.number(place)]
            if other.state == "complete" and other.params == attempt.params:
                attempt = replace(attempt, origin=f"repeat-of-{other.number}")
                break
        self._learner.begin(attempt)
        return attempt

    def _attempt(self, sampler: str, origin: str, params: Params) -> Attempt:
        number, seed = self._next_number, derive(self._seed, len(self._order), "train")
        return Attempt(number, number, sampler, origin, seed, params)

    def _on_rung(self, attempt: Attempt) -> Attempt:
        """Set the epochs of hyperband; what is promoted keeps its values and its seed."""
        rung = attempt.rung
        params = {**attempt.params, EPOCHS: rung["tuner/epochs"]}
        if "tuner/trial_id" not in rung:
            return replace(attempt, params=params)
        first = int(rung["tuner/trial_id"])
        *_, before = (a for a in self._attempts.values() if a.first == first)
        params = {**before.params, EPOCHS: rung["tuner/epochs"]}
        origin = f"promoted-from-{before.number}"
        return replace(attempt, params=params, seed=before.seed, origin=origin)

    def _end(self, number: int) -> None:
        attempt = self._attempts[number]
        self._order.end(number, void=attempt.void)
        if not attempt.void:
            self._learner.end(attempt)

    def _note(self, event: Attempt | Ended) -> None:
        """Keep the places."""
        if isinstance(event, Ended):
            self._order.end(event.number, void=event.void)
        else:
            first = None if event.first == event.number else event.first
            self._order.begin(event.number, first)
