"""How long it will take: from the plan's measured cost, then from the trials themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from spaces.plan import StudyPlan
    from spaces.ranges import Params


def seconds_per_trial(plan: StudyPlan, data: Dataset) -> float:
    """Estimate a trial, on the 2 cores where its cost was measured.

    Of a search it is one at the plan's defaults, of a reproduction the mean of its list.
    """
    points = list(plan.starting_points().values()) if plan.reproduces else [plan.complete({})]
    parts = ("train", "validation") if plan.reproduces else ("train",)
    lengths = np.concatenate([data.tokens(part).lengths for part in parts])
    start = 10.0  # loading, tracing, scoring
    costs = [_tokens(values, lengths) for values in points]
    return start + plan.seconds_per_million_tokens * sum(costs) / len(costs) / 1e6


def _tokens(values: Params, lengths: NDArray[np.int64]) -> int:
    """Count the tokens of all epochs, padding to maxlen included where it is computed for."""
    maxlen, epochs = values["text.maxlen"], values["train.epochs"]
    assert isinstance(maxlen, int)
    assert isinstance(epochs, int)
    if values["text.padding"] == "full":
        return epochs * maxlen * len(lengths)
    return epochs * int(np.minimum(lengths, maxlen).sum())


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
