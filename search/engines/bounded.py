"""TPE that learns from a bounded number of trials, so that a proposal does not cost ever more."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from heapq import nsmallest
from itertools import islice
from operator import attrgetter
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe import _truncnorm
from optuna.trial import FrozenTrial, TrialState
from scipy.special import log_ndtr

# TPE holds at most its 25 best trials against all others, and of those gives all but the newest 25
# less weight the older they are. So the best are always among what it learns from, and what is
# left out are the oldest of those that it holds them against.
MOST_TRIALS, _BEST = 500, 25
_LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED)
_NUMBER = attrgetter("number")


class BoundedTPESampler(TPESampler):
    """Of more than MOST_TRIALS that have ended, it learns from the best and the newest.

    Which these are depends on the trials alone, so a study that is resumed proposes what it
    would have proposed. With fewer trials the candidates are Optuna's own, to the last bit; which
    of them is proposed is computed with SciPy's function in the place of Optuna's, which is a
    loop in Python: it took most of a proposal's time (DECISIONS.md, 66).

    Args:
        best: what is remembered from one proposal to the next, by states that are looked at. Of
            one study, and of no other.
    """

    def __init__(self, best: BestByStates | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._best = {} if best is None else best
        self._proposal = -1  # the number of the trial that is proposed
        self._learnt_from: dict[Any, list[FrozenTrial]] = {}  # for it

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(self._bounded(study, trial), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._bounded(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return super().sample_independent(
            self._bounded(study, trial), trial, param_name, param_distribution
        )

    def _compute_acquisition_func(self, *args: Any, **kwargs: Any) -> Any:
        with _scipy():
            return super()._compute_acquisition_func(*args, **kwargs)

    def _bounded(self, study: Study, trial: FrozenTrial) -> Any:
        """Give the study as TPE is to see it. While one trial is proposed, no other changes."""
        if isinstance(study, _Bounded):
            return study
        if trial.number != self._proposal:
            self._proposal, self._learnt_from = trial.number, {}
        return _Bounded(study, self._learnt_from, self._best)


class Best:
    """The best of the trials that have ended, remembered from one proposal to the next.

    What has ended does not change, so only what has ended since then is ranked.
    """

    def __init__(self) -> None:
        self._ranked: set[int] = set()
        self._best: list[tuple[tuple[int, float, float], int]] = []  # ranks and numbers

    def among(self, ended: Sequence[FrozenTrial]) -> set[int]:
        """Give the numbers of the best.

        Args:
            ended: most often those of the time before, and some more.
        """
        new = [trial for trial in ended if trial.number not in self._ranked]
        if len(self._ranked) + len(new) != len(ended):  # some are not there any more
            self._ranked.clear()
            self._best.clear()
            new = list(ended)
        ranks = [(_rank(trial), trial.number) for trial in new]
        self._best = nsmallest(_BEST, [*self._best, *ranks])  # the earlier of equals
        self._ranked.update(number for _, number in ranks)
        return {number for _, number in self._best}


BestByStates = dict[tuple[TrialState, ...], Best]


class Learnt:
    """Which trials `learnt_from` gives of all that have ended, told as they end.

    A trial that it leaves out once it always leaves out: those before it only become more.
    """

    def __init__(self) -> None:
        self._best: list[tuple[tuple[int, float, float], int, int]] = []  # ranks, numbers, ids
        self._newest: list[tuple[int, int]] = []  # numbers and ids of those that are not the best

    def add(self, trial: FrozenTrial) -> int | None:
        """Add a trial that has ended.

        Returns:
            the id of a trial that TPE learns from no longer, or of this one if it never does.
        """
        if trial.state not in _LEARNT_FROM:
            return trial._trial_id
        insort(self._best, (_rank(trial), trial.number, trial._trial_id))
        if len(self._best) > _BEST:
            insort(self._newest, self._best.pop()[1:])
        if len(self._newest) > MOST_TRIALS - _BEST:
            return self._newest.pop(0)[1]
        return None


def learnt_from(ended: list[FrozenTrial], best: Best | None = None) -> list[FrozenTrial]:
    """Leave out what TPE need not learn from.

    Args:
        ended: trials of a search with one goal, which is high, in the order of their numbers.
        best: what it remembers of the proposals before; None ranks all of them.
    """
    if len(ended) <= MOST_TRIALS:
        return ended
    numbers = (best or Best()).among(ended)
    newest = islice(
        (trial for trial in reversed(ended) if trial.number not in numbers), MOST_TRIALS - _BEST
    )
    by_number = {trial.number: trial for trial in newest}
    by_number |= {number: ended[bisect_left(ended, number, key=_NUMBER)] for number in numbers}
    return [by_number[number] for number in sorted(by_number)]


def _rank(trial: FrozenTrial) -> tuple[int, float, float]:
    """Order trials as TPE does: complete ones by their value, then those that got farthest."""
    if trial.state is TrialState.COMPLETE:
        assert trial.value is not None
        return 0, -trial.value, 0.0
    if not trial.intermediate_values:
        return 1, 1, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1, -step, math.inf if math.isnan(value) else -value


@contextmanager
def _scipy() -> Iterator[None]:
    """Let Optuna take the logarithm of the normal distribution from SciPy."""
    own = _truncnorm._log_ndtr
    _truncnorm._log_ndtr = log_ndtr
    try:
        yield
    finally:
        _truncnorm._log_ndtr = own


class _Bounded:
    """A study as TPE is to see it.

    Args:
        known: what it has seen of it already, by states.
    """

    def __init__(
        self, study: Study, known: dict[Any, list[FrozenTrial]], best: BestByStates
    ) -> None:
        self._study = study
        self._known = known
        self._best = best

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        asked_for = tuple(s for s in TrialState if states is None or s in states)
        if deepcopy or asked_for not in self._known:
            ended = tuple(s for s in asked_for if s in _LEARNT_FROM)
            others = tuple(s for s in asked_for if s not in _LEARNT_FROM)
            best = self._best.setdefault(ended, Best())
            # Not Optuna's cache, which goes through all trials for those in a state.
            found = learnt_from(self._study._get_trials(deepcopy, ended), best)
            if others:
                found = [*found, *self._study._get_trials(deepcopy, others)]
                found.sort(key=_NUMBER)
            if deepcopy:
                return found
            self._known[asked_for] = found
        return self._known[asked_for]
