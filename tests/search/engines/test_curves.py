"""The median pruner that remembers values alone gives the verdicts of Optuna's own."""

from __future__ import annotations

import math
import random
from typing import Any

import optuna
import pytest
from optuna.pruners import MedianPruner
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.engines.curves import RememberingMedianPruner

STATES = (TrialState.COMPLETE,) * 3 + (TrialState.PRUNED, TrialState.FAIL)


def curve(luck: random.Random) -> dict[int, float]:
    """Make the values of a trial: some are alike, some are no numbers, some steps are left out."""
    values = [round(luck.random(), 1), luck.random(), math.nan, math.inf, 0.0, -0.0]
    weights = [8, 8, luck.choice([1, 20]), 1, 1, 1]
    steps = sorted(luck.sample(range(8), luck.randint(0, 8)))
    return {step: luck.choices(values, weights)[0] for step in steps}


def ended(luck: random.Random) -> FrozenTrial:
    state = luck.choice(STATES)
    value = luck.random() if state is TrialState.COMPLETE else None
    return create_trial(state=state, value=value, intermediate_values=curve(luck))


def running(luck: random.Random) -> FrozenTrial:
    return create_trial(state=TrialState.RUNNING, intermediate_values=curve(luck))


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
@pytest.mark.parametrize("seed", range(40))
def test_verdicts_are_those_of_optuna(seed: int) -> None:
    luck = random.Random(seed)
    settings: dict[str, Any] = {
        "n_startup_trials": luck.choice((0, 1, 4)),
        "n_warmup_steps": luck.choice((0, 2, 5)),
        "interval_steps": luck.choice((1, 1, 3)),
        "n_min_trials": luck.choice((1, 1, 6)),
    }
    direction = luck.choice(("maximize", "minimize"))
    study = optuna.create_study(direction=direction)
    theirs, ours = MedianPruner(**settings), RememberingMedianPruner(**settings)
    verdicts = []
    for _ in range(60):
        trial = running(luck)
        verdict = theirs.prune(study, trial)
        assert ours.prune(study, trial) is bool(verdict)
        verdicts.append(verdict)
        one = ended(luck)
        study.add_trial(one)
        ours.note(one)
    assert not all(verdicts)
    if settings["n_startup_trials"] < 4 and settings["interval_steps"] == 1:
        assert any(verdicts)


def test_it_looks_at_no_trial_of_the_study() -> None:
    pruner = RememberingMedianPruner(n_startup_trials=1)
    for value in (0.5, 0.7):
        pruner.note(create_trial(value=value, intermediate_values={1: value}))

    class OnlyADirection:
        direction = optuna.study.StudyDirection.MAXIMIZE

    study: Any = OnlyADirection()
    for value, verdict in ((0.55, True), (0.65, False)):
        trial = create_trial(state=TrialState.RUNNING, intermediate_values={1: value})
        assert pruner.prune(study, trial) is verdict
