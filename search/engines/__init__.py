"""Search engines: ask for values, report epochs, tell the end. One file an engine."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from spaces.ranges import Value
from tracking.records import State, TrialRecord


@dataclass(frozen=True)
class Asked:
    """A trial that the engine wants evaluated.

    Attributes:
        params: every hyperparameter of the trial, those that are not searched included.
        origin: the name of a starting point (plan.starting_points); the sampler's name; or
            "repeat-of-7" for the values of finished trial 7 on a fresh seed, and
            "promoted-from-7" for those of trial 7 on its own seed and for more epochs.
    """

    number: int
    params: Mapping[str, Value]
    seed: int
    origin: str


def derive(seed: int, number: int, purpose: str) -> int:
    """Derive a seed of 31 bits; never from time, process or resume point."""
    digest = hashlib.sha256(f"{seed} {number} {purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


class Engine(Protocol):
    """What the coordinator needs of a search engine.

    An attempt that is `void` was cut short: it counts for nothing, and its values and seed are
    asked again before anything else.

    Attributes:
        first_rung: share of the training texts after which it wants to know how a trial does; None
            is content with epochs.
    """

    first_rung: float | None

    def ask(self) -> Asked | None:
        """Give the next trial; None if there is none to give, as at the end of a grid."""

    def should_prune(self, number: int, n_epochs: float, accuracy: float) -> bool:
        """Tell whether a trial is to end here.

        Args:
            n_epochs: that it has trained so far; less than 1 at its first rung.
            accuracy: on validation.
        """

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
        """Tell how a trial ended.

        Args:
            value: its validation accuracy, if it is complete.
            n_parameters: the numbers it trained: the second goal of a search with two.
            reason: why it has no value.
        """

    def adopt(self, asked: Asked) -> bool:
        """Go on with a trial that an earlier coordinator asked for, before `reconcile`.

        Returns:
            whether it is under way just so; if not, it is not adopted.
        """

    def refuse_unknown(self, numbers: Collection[int]) -> None:
        """Refuse records of trials that the engine does not remember, before any is touched.

        Raises:
            UserError: if there is one.
        """

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        """Settle what an earlier coordinator left running and nobody has adopted.

        Args:
            recorded: all trials; how each ended is told by what was recorded of it.
        """

    def n_finished(self) -> int: ...

    def seconds_spent(self) -> float:
        """Seconds that the study has taken, over all its sessions."""

    def spend(self, seconds: float) -> None:
        """Note how many seconds the study has taken by now."""

    def close(self) -> None:
        """Settle what was held back: nothing more is asked."""
