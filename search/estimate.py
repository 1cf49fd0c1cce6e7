"""How long it will take: from the plan's measured cost, then from the trials themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from spaces.plan import StudyPlan


def seconds_per_trial(plan: StudyPlan, data: Dataset) -> float:
    """Estimate a trial at the plan's defaults, on the 2 cores where its cost was measured."""
    values = plan.complete({})
    maxlen, epochs = values["text.maxlen"], values["train.epochs"]
    assert isinstance(maxlen, int)
    assert isinstance(epochs, int)
    n_tokens = int(np.minimum(data.tokens("train").lengths, maxlen).sum())
    start = 10.0  # loading, tracing, scoring
    return start + epochs * plan.seconds_per_million_tokens * n_tokens / 1e6


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
