"""Let several workers search as if they took turns: no proposal depends on who is fast.

Trial k is asked for when trial k - N has ended, N being the number of workers, and the engine then
knows of exactly the trials up to k - N. What ends earlier is told later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from search.engines import Asked, Engine
from tracking.records import State, TrialRecord


class InOrder:
    """An engine in front of another, which it tells of trials in the order they were asked for."""

    first_rung: float | None = None  # it prunes nothing

    def __init__(self, engine: Engine, n_workers: int) -> None:
        self._engine = engine
        self._n_workers = n_workers
        self._untold: dict[int, dict[str, Any] | None] = {}  # by number; None is under way

    def ask(self) -> Asked | None:
        """Give the next trial; None while the one that it must know of is under way."""
        while len(self._untold) >= self._n_workers:
            number, end = next(iter(self._untold.items()))
            if end is None:
                return None
            self._tell(number, end)
        asked = self._engine.ask()
        if asked is not None:
            self._untold[asked.number] = None
        return asked

    def should_prune(self, number: int, n_epochs: float, accuracy: float) -> bool:
        """Whether an epoch is poor depends on who was first, so nothing is pruned."""
        return False

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
        end: dict[str, Any] = {"state": state, "value": value, "void": void}
        end |= {"n_parameters": n_parameters, "reason": reason}
        self._untold[number] = end

    def adopt(self, asked: Asked) -> bool:
        adopted = self._engine.adopt(asked)
        if adopted:
            self._untold[asked.number] = None
        return adopted

    def refuse_unknown(self, numbers: Collection[int]) -> None:
        self._engine.refuse_unknown(numbers)

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        self._engine.reconcile(recorded)

    def n_finished(self) -> int:
        ends = [end for end in self._untold.values() if end is not None]
        return self._engine.n_finished() + sum(not end["void"] for end in ends)

    def seconds_spent(self) -> float:
        return self._engine.seconds_spent()

    def spend(self, seconds: float) -> None:
        self._engine.spend(seconds)

    def close(self) -> None:
        for number, end in list(self._untold.items()):
            if end is not None:
                self._tell(number, end)
        self._engine.close()

    def _tell(self, number: int, end: dict[str, Any]) -> None:
        self._engine.tell(number, **end)
        del self._untold[number]
