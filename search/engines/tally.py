"""What has come of the trials of an Optuna study, noted as they come.

Reading all of them at each proposal would take longer with each trial.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Mapping, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from search.engines.in_order import Order
from spaces.plan import StudyPlan
from spaces.ranges import Params, Value

_NO_VALUES = 0  # the digest of what is not complete


class Tally:
    """Counts trials, and knows their places and which values a finished one had.

    Args:
        trials: all of the study.
        void: numbers of those that were cut short and count for nothing.
        n_workers: see Order.

    Attributes:
        order: the places of those that were asked for.
        tried: names of the plan's starting points among them.
        n_finished: trials that count and have ended.
    """

    def __init__(
        self,
        plan: StudyPlan,
        trials: Iterable[FrozenTrial],
        void: Container[int],
        n_workers: int | None,
    ) -> None:
        self._plan = plan
        self.order = Order(n_workers)
        self.n_finished = 0
        self.tried: set[str] = set()
        self._points = frozenset(plan.starting_points())
        self._digests = array("Q")  # of the values of complete trials, by place
        self._known: list[FrozenTrial] = []  # by place
        for trial in trials:
            cut_short = trial.number in void
            # Cut short before it had all its values, it is as if it had not been asked.
            if trial.state is TrialState.WAITING or (
                cut_short and "asked" not in trial.user_attrs
            ):
                continue
            self.begin(trial.number, trial.user_attrs)
            if trial.state.is_finished():
                self.end(trial, void=cut_short)

    def begin(self, number: int, attributes: Mapping[str, Any]) -> None:
        """Note a trial that was asked for.

        Args:
            attributes: its `origin`, and where it has one `again_of`, the attempt that was cut
                short, of which it has the values.
        """
        self.order.begin(number, attributes.get("again_of"))
        if attributes.get("origin") in self._points:
            self.tried.add(attributes["origin"])

    def end(self, trial: FrozenTrial, *, void: bool) -> None:
        """Note how a trial that was begun has ended."""
        self.order.end(trial.number, void=void)
        self.n_finished += not void
        if trial.state is TrialState.COMPLETE:
            fixed = trial.user_attrs.get("fixed", {})
            place = self.order.place(trial.number)
            self._digests.extend([_NO_VALUES] * (place + 1 - len(self._digests)))
            self._digests[place] = _digest(self._plan.complete({**fixed, **trial.params}))

    def first_with(self, params: Params, n_known: int) -> int | None:
        """Give the first complete trial with these values, if it is among the first so many."""
        digests = np.array(self._digests[:n_known])
        places = np.flatnonzero(digests == np.uint64(_digest(params)))
        return self.order.number(int(places[0])) if len(places) else None

    def view(self, trials: Sequence[FrozenTrial], place: int) -> list[FrozenTrial] | None:
        """Give the trials as a proposal for a place is to see them, numbered by their places.

        Args:
            trials: all of the study, by number.

        Returns:
            None while one that it must know of has not ended.
        """
        order = self.order
        n_known = order.n_known(place)
        if n_known is None:
            return None
        for known in range(len(self._known), n_known):
            self._known.append(_seen(trials[order.number(known)], known, ended=True))
        under_way = range(n_known, place)
        return [
            *self._known[:n_known],
            *(_seen(trials[order.number(other)], other, ended=False) for other in under_way),
        ]


def _digest(params: Mapping[str, Value]) -> int:
    """Give what equal values share, and others but once in 1e11 studies of 10,000 trials."""
    alike = [(name, _alike(params[name])) for name in sorted(params)]
    return int.from_bytes(blake2b(repr(alike).encode(), digest_size=8).digest(), "big")


def _alike(value: Value) -> object:
    """Give what has the same repr for equal values: 1, 1.0 and True are equal, "1" is not."""
    return value if isinstance(value, str) or not isfinite(value) else value.as_integer_ratio()


def _seen(trial: FrozenTrial, place: int, *, ended: bool) -> FrozenTrial:
    """Give a trial another number, and the look of one under way if it is to have no end."""
    return FrozenTrial(
        number=place,
        state=trial.state if ended else TrialState.RUNNING,
        value=None,
        values=trial.values if ended else None,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete if ended else None,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values if ended else {},
        trial_id=trial._trial_id,
    )
