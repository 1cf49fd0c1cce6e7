"""What a figure that is looked at now and then grows with: with trials, or with time as well.

Trials come as time passes, so both are put into one regression, and the part of time is what it
has beyond the trials. Its confidence interval says whether that is more than chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm

_ROUNDING = 1e-9  # of the figure's size: what floats leave where nothing grows


@dataclass(frozen=True)
class Growth:
    """How a figure grows.

    Attributes:
        per_trial: by each trial.
        per_hour: by each hour, apart from the trials.
        low: lower end of the confidence interval of `per_hour`.
        high: its upper end.
        with_time: whether the part of time is above zero, beyond its confidence interval.
    """

    per_trial: float
    per_hour: float
    low: float
    high: float
    with_time: bool


def of_held(
    values: Sequence[float],
    trials: Sequence[float],
    hours: Sequence[float],
    others: Sequence[Sequence[float]],
    lives: Sequence[int],
    level: float,
) -> Growth:
    """Tell what a figure grows with that is held and given back: memory, open files.

    Args:
        others: what it depends on besides, a column each.
        lives: which process each value is of. Values of one are no independent evidence.
        level: how likely it may be that the part of time is above its interval by chance.
    """
    columns = sm.add_constant(np.column_stack([trials, hours, *others]), prepend=False)
    model = sm.OLS(np.asarray(values, float), columns)
    groups = np.asarray(lives)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    return _growth(fit, values, level)


def of_sum(
    values: Sequence[float],
    trials: Sequence[float],
    hours: Sequence[float],
    others: Sequence[Sequence[float]],
    lives: Sequence[int],
    level: float,
) -> Growth:
    """Tell what a figure grows with that adds up: disk.

    A sum carries what was once added along, so values are no independent evidence, and its steps
    are what is looked at: so much for each trial of a step, so much for its time. A step is that
    from one process to the next. In short ones what a trial adds often falls in another step than
    the trial, which then seems to add less than it does, and time the rest.

    Args:
        others: what it adds up with besides, a column each.
        lives: which process each value is of, in order.
        level: how likely it may be that the part of time is above its interval by chance.
    """
    last = np.flatnonzero(np.diff(lives, append=lives[-1] + 1))
    values, *columns = (np.asarray(column)[last] for column in (values, trials, hours, *others))
    steps = np.column_stack([np.diff(column) for column in columns])
    fit = sm.OLS(np.diff(values), steps).fit(cov_type="HC3", use_t=True)
    return _growth(fit, values, level)


def _growth(fit: Any, values: Sequence[float], level: float) -> Growth:
    # Both ends of an interval that leaves out `level` on each side.
    low, high = fit.conf_int(alpha=2 * level)[1]
    negligible = _ROUNDING * max(1.0, float(np.max(np.abs(values))))
    return Growth(
        float(fit.params[0]), float(fit.params[1]), float(low), float(high), low > negligible
    )
