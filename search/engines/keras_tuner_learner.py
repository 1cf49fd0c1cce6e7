"""What one of Keras Tuner's oracles has been told: of each end at once, or of each when it is due.

In the order of places (search/engines/in_order.py) an end is due when the first proposal that is
to know of it is asked for. An oracle learns for good, so no proposal can be shown less than it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search.engines.in_order import Order
from search.engines.journal import Attempt, Ended
from search.engines.keras_tuner_oracle import Proposal, Proposer
from spaces.plan import StudyPlan


class Learner:
    """An oracle, and how far it has learnt what became of its proposals.

    Args:
        attempts: of the study, by number, as far as each has come.
        order: the places of these attempts.
        n_workers: how far a proposal is ahead of what it knows; None if it knows whatever has
            ended.
    """

    def __init__(
        self,
        proposer: Proposer,
        plan: StudyPlan,
        sampler: str,
        attempts: Mapping[int, Attempt],
        order: Order,
        *,
        n_workers: int | None,
    ) -> None:
        self._proposer = proposer
        self._plan = plan
        self._sampler = sampler
        self._attempts = attempts
        self._order = order
        self._n_workers = n_workers
        self._n_learnt = 0  # places whose ends the oracle was told, if it is told them in order
        self._n_tried = -1  # how many it knew of when it had nothing to propose

    @property
    def in_order(self) -> bool:
        """Whether the oracle is told of ends in the order of the places, each when it is due."""
        return self._n_workers is not None

    @property
    def n_known(self) -> int:
        """From the first place on, how many the oracle may know the ends of."""
        return self._n_learnt if self.in_order else len(self._order)

    def propose(self, place: int, number: int) -> Proposal | None:
        """Have the oracle propose values for a place.

        In order, an oracle that has nothing to propose is told of one end more and asked again, as
        a grid may have to wait for one. It is asked once each time: it may count how often.
        """
        if not self.in_order:
            return self._proposer.propose(str(number))
        self.learn(place)
        last = self._order.n_ended if self._proposer.replays else self._n_learnt
        for n_known in range(max(self._n_learnt, self._n_tried + 1), min(place, last) + 1):
            self._learn_up_to(n_known)
            proposed = self._proposer.propose(str(number))
            if proposed is not None:
                self._n_tried = -1
                return proposed
            if self._proposer.replays:
                self._n_tried = n_known
        return None

    def learn(self, place: int) -> None:
        """Tell the oracle of the ends that a proposal for a place knows."""
        if self._n_workers is not None:
            n_known = max(0, place + 1 - self._n_workers)
            self._learn_up_to(min(n_known, self._order.n_ended))

    def begin(self, attempt: Attempt) -> None:
        """Tell the oracle of an attempt at values that were not asked for before."""
        own = bool(attempt.sampler) and attempt.sampler == self._sampler
        searched = self._plan.searched_for(attempt.params)
        values = {name: attempt.params[name] for name in searched}
        self._proposer.begin(str(attempt.number), values, attempt.rung, own=own)

    def end(self, attempt: Attempt) -> None:
        """Tell the oracle of an end that counts, unless that is not due yet."""
        if not self.in_order:
            self._proposer.end(str(attempt.first), attempt.value)

    def replay(self, events: Iterable[Attempt | Ended]) -> None:
        """Bring the oracle to where it was after these events of earlier sessions."""
        if self.in_order:
            for place in range(len(self._order)):
                self._replay_place(place)
        else:
            for event in events:
                self._replay(event)

    def _replay(self, event: Attempt | Ended) -> None:
        if isinstance(event, Attempt):
            if event.first == event.number:
                if event.sampler == self._sampler and self._proposer.replays:
                    self._proposer.propose(str(event.number))
                self.begin(event)
        elif not event.void:
            first = self._attempts[event.number].first
            self._proposer.end(str(first), event.value)

    def _replay_place(self, place: int) -> None:
        """Bring the oracle to where it was when the trial at this place had been asked for."""
        first = self._attempts[self._order.number(place)].first
        attempt = self._attempts[first]
        if attempt.sampler == self._sampler and self._proposer.replays:
            self.propose(place, first)
            self._n_tried = -1
        else:
            self.learn(place)
        self.begin(attempt)

    def _learn_up_to(self, n_known: int) -> None:
        for place in range(self._n_learnt, n_known):
            attempt = self._attempts[self._order.number(place)]
            self._proposer.end(str(attempt.first), attempt.value)
        self._n_learnt = max(self._n_learnt, n_known)
