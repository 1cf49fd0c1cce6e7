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
from search.engines.journal import Attempt, Ended, Journal
from search.engines.keras_tuner_oracle import EPOCHS, Proposer
from search.engines.settling import LONGEST_REASON, settle_journal
from spaces.plan import StudyPlan
from spaces.ranges import Params
from tracking.cli import UserError
from tracking.environment import redact
from tracking.records import State, TrialRecord


class KerasTunerEngine:
    """A search by one of Keras Tuner's oracles.

    Args:
        file: the journal; None keeps it in memory, for a replay.
        owner: id of the records that it belongs to.
    """

    first_rung: float | None = None

    def __init__(
        self, file: Path | None, owner: str, plan: StudyPlan, *, seed: int, sampler: str
    ) -> None:
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._name = file.stem if file else plan.name
        self._proposer = Proposer(sampler, plan, seed)
        self._journal = Journal(file, owner)
        self._attempts = self._journal.attempts
        self._adopted: set[int] = set()
        for event in self._journal.events:
            self._replay(event)

    def ask(self) -> Asked | None:
        attempt = self._again() or self._starting_point() or self._proposal()
        if attempt is None:
            return None
        self._journal.ask(attempt)
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

    def close(self) -> None:
        """Nothing is held back."""

    @property
    def _next_number(self) -> int:
        return max(self._attempts, default=-1) + 1

    @property
    def _n_counted(self) -> int:
        """How many trials were asked for, those that are made again once."""
        return len({attempt.first for attempt in self._attempts.values()})

    def _again(self) -> Attempt | None:
        """Give the first attempt that was cut short and not made again."""
        last = {attempt.first: attempt for attempt in self._attempts.values()}
        for attempt in last.values():
            if attempt.void:
                number = self._next_number
                return replace(attempt, number=number, state="running", void=False, value=None)
        return None

    def _starting_point(self) -> Attempt | None:
        tried = {attempt.origin for attempt in self._attempts.values()}
        for origin, params in self._plan.starting_points().items():
            if origin not in tried:
                return self._begun(self._attempt("", origin, params))
        return None

    def _proposal(self) -> Attempt | None:
        proposed = self._proposer.propose(str(self._next_number))
        if proposed is None:
            return None
        values, rung = proposed
        params = self._plan.complete(values)
        attempt = replace(self._attempt(self._sampler, self._sampler, params), rung=rung)
        if "tuner/epochs" in rung:
            attempt = self._on_rung(attempt)
        for other in self._attempts.values():
            if other.state == "complete" and other.params == attempt.params:
                attempt = replace(attempt, origin=f"repeat-of-{other.number}")
                break
        return self._begun(attempt)

    def _attempt(self, sampler: str, origin: str, params: Params) -> Attempt:
        number, seed = self._next_number, derive(self._seed, self._n_counted, "train")
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

    def _begun(self, attempt: Attempt) -> Attempt:
        own = bool(attempt.sampler) and attempt.sampler == self._sampler
        searched = self._plan.searched_for(attempt.params)
        values = {name: attempt.params[name] for name in searched}
        self._proposer.begin(str(attempt.number), values, attempt.rung, own=own)
        return attempt

    def _end(self, number: int) -> None:
        attempt = self._attempts[number]
        if not attempt.void:
            self._proposer.end(str(attempt.first), attempt.value)

    def _replay(self, event: Attempt | Ended) -> None:
        """Bring the oracle to where it was after this event of an earlier session."""
        if isinstance(event, Attempt):
            if event.first == event.number:
                if event.sampler == self._sampler and self._proposer.replays:
                    self._proposer.propose(str(event.number))
                self._begun(event)
        elif not event.void:
            first = self._attempts[event.number].first
            self._proposer.end(str(first), event.value)
