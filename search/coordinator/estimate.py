"""How long it will take: from the plan's measured cost, then from the trials themselves."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.datasets import UNLABELLED
from spaces.training import TEACHER

# How much longer a trial takes with one thread than with two. Side by side on two cores, two
# trials take 0.6 of the time that they take one after the other
# (docs/decisions/0042-proposals-may-depend-on-speed.md).
_ONE_THREAD = 1.2

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from spaces.plan import StudyPlan
    from spaces.ranges import Params
    from tracking.records import EpochRecord


def seconds_per_trial(plan: StudyPlan, data: Dataset) -> float:
    """Estimate a trial, on the 2 cores where its cost was measured.

    Of a search it is one at the plan's defaults, of a reproduction the mean of its list.
    """
    points = list(plan.initial_trials().values()) if plan.reproduces else [plan.complete({})]
    parts = ("train", "validation") if plan.reproduces else ("train",)
    lengths = np.concatenate([data.tokens(part).lengths for part in parts])
    unlabelled = _unlabelled_lengths(data)
    start = 10.0  # loading, tracing, scoring
    costs = [_tokens(values, lengths, unlabelled) for values in points]
    return start + plan.seconds_per_million_tokens * sum(costs) / len(costs) / 1e6


def slowed(n_workers: int, n_cores: int) -> float:
    """Tell how many times as long a trial takes among so many as alone on the 2 cores.

    >>> slowed(1, 2), slowed(2, 2), slowed(2, 4), slowed(4, 2)
    (1.0, 1.2, 1.0, 2.4)
    """
    if n_cores // n_workers > 1:
        return 1.0
    return _ONE_THREAD * max(1.0, n_workers / n_cores)


def _unlabelled_lengths(data: Dataset) -> NDArray[np.int64]:
    """Return the lengths of the texts that a teacher labels."""
    if UNLABELLED not in data.n_texts:
        return np.zeros(0, np.int64)
    return data.tokens(UNLABELLED).lengths


def _tokens(values: Params, lengths: NDArray[np.int64], unlabelled: NDArray[np.int64]) -> int:
    """Count the tokens of all epochs."""
    epochs = values["train.epochs"]
    assert isinstance(epochs, int)
    return epochs * _tokens_of_epoch(values, lengths, unlabelled)


def _tokens_of_epoch(
    values: Params, lengths: NDArray[np.int64], unlabelled: NDArray[np.int64]
) -> int:
    """Count the tokens of an epoch, padding to maxlen included where it is computed for."""
    maxlen = values["text.maxlen"]
    assert isinstance(maxlen, int)

    def read(lengths: NDArray[np.int64]) -> int:
        is_full = values["text.padding"] == "full"
        return maxlen * len(lengths) if is_full else int(np.minimum(lengths, maxlen).sum())

    n_tokens = read(lengths)
    if values.get(TEACHER, "none") != "none" and len(unlabelled):
        n_drawn = float(values["train.teacher_strength"]) * len(lengths)
        n_tokens += round(read(unlabelled) * min(1.0, n_drawn / len(unlabelled)))
    return n_tokens


class Pace:
    """The fastest training of each family that was measured in a study."""

    def __init__(self, data: Dataset) -> None:
        self._data = data
        self._seconds_per_token: dict[str, float] = {}

    def note(self, family: str, params: Params, epoch: EpochRecord) -> None:
        if epoch.epoch > 1:  # the first holds tracing the graph
            pace = epoch.seconds / self._tokens_of_epoch(params)
            self._seconds_per_token[family] = min(pace, self._seconds_per_token.get(family, pace))

    def least_seconds(self, family: str, params: Params) -> float:
        """Return what a trial takes at least; 0 where nothing was measured.

        Early stopping lets it have one epoch more than its patience, if it plans so many.
        """
        if family not in self._seconds_per_token:
            return 0.0
        epochs, patience = params["train.epochs"], params["train.patience"]
        assert isinstance(epochs, int)
        assert isinstance(patience, int)
        n_tokens = min(epochs, patience + 1) * self._tokens_of_epoch(params)
        return n_tokens * self._seconds_per_token[family]

    def _tokens_of_epoch(self, params: Params) -> int:
        return _tokens_of_epoch(params, *self._lengths)

    @cached_property
    def _lengths(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._data.tokens("train").lengths, _unlabelled_lengths(self._data)


def seconds_of_study(
    plan: StudyPlan, per_trial: float, *, n_finished: int, spent: float, running: float = 0.0
) -> float:
    """Estimate what is left of the budget; whichever limit comes first ends the study.

    Args:
        spent: seconds of the finished trials.
        running: seconds of the trial that is running.
    """
    by_trials = by_time = float("inf")
    if plan.n_trials is not None:
        by_trials = (plan.n_trials - n_finished) * per_trial - min(running, per_trial)
    if plan.timeout is not None:
        by_time = plan.timeout - spent - running
    return max(0.0, min(by_trials, by_time))
