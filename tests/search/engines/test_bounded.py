"""TPE learns from a bounded number of trials; of fewer than that it is Optuna's own."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.samplers._tpe import _truncnorm
from optuna.trial import FrozenTrial, TrialState, create_trial
from scipy.special import log_ndtr

from search.engines import bounded
from search.engines.bounded import (
    MOST_TRIALS,
    Best,
    BoundedTPESampler,
    Learnt,
    _Bounded,
    learnt_from,
)

SPACE = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "units": IntDistribution(16, 128),
    "pooling": CategoricalDistribution(("mean", "max")),
}


def tried(n: int, *, complete: float = 0.8) -> list[FrozenTrial]:
    """Make trials, of which so many are complete and the others pruned."""
    luck = random.Random(1)
    trials = []
    for number in range(n):
        params = {
            "rate": 10 ** luck.uniform(-4, -1),
            "dropout": luck.uniform(0, 0.5),
            "units": luck.randint(16, 128),
            "pooling": luck.choice(("mean", "max")),
        }
        value = round(luck.random(), 2)  # some are alike
        is_complete = luck.random() < complete
        trial = create_trial(
            params=params,
            distributions=SPACE,
            state=TrialState.COMPLETE if is_complete else TrialState.PRUNED,
            value=value,
            intermediate_values={} if is_complete else {1: 0.5, luck.randint(2, 5): value},
        )
        trial.number = number
        trials.append(trial)
    return trials


def proposal(trials: list[FrozenTrial], sampler: BaseSampler) -> dict[str, object]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(trials)
    study.ask()  # one is under way, as with several workers
    return study.ask(SPACE).params


def test_of_few_trials_proposals_are_those_of_optuna_to_the_last_bit() -> None:
    for n in (0, 4, 60, MOST_TRIALS):
        expected = proposal(tried(n), TPESampler(seed=3, n_startup_trials=5))
        assert proposal(tried(n), BoundedTPESampler(seed=3, n_startup_trials=5)) == expected


@pytest.mark.parametrize("complete", [0.8, 0.01])
def test_of_many_trials_proposals_are_those_of_optuna_for_the_best_and_the_newest(
    complete: float,
) -> None:
    trials = tried(MOST_TRIALS + 200, complete=complete)
    kept = learnt_from(trials)
    assert len(kept) == MOST_TRIALS
    assert kept[-(MOST_TRIALS - 25) :] == trials[-(MOST_TRIALS - 25) :]
    expected = proposal(kept, TPESampler(seed=3, n_startup_trials=5))
    assert proposal(trials, BoundedTPESampler(seed=3, n_startup_trials=5)) == expected


def test_the_25_best_are_always_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", 30)
    trials = tried(400)
    kept = {trial.number for trial in learnt_from(trials)}
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = sorted(complete, key=lambda trial: trial.values[0], reverse=True)[:25]
    assert {trial.number for trial in best} <= kept
    assert len(kept) == 30


def test_what_was_remembered_of_the_best_changes_nothing() -> None:
    trials, best = tried(MOST_TRIALS + 300), Best()
    for n in sorted(random.Random(2).sample(range(MOST_TRIALS, len(trials)), 40)):
        assert learnt_from(trials[:n], best) == learnt_from(trials[:n])
    assert learnt_from(trials[: MOST_TRIALS + 1], best) == learnt_from(trials[: MOST_TRIALS + 1])
    late = trials.pop(7)  # it was under way when those after it had ended
    best = Best()
    learnt_from(trials, best)
    trials.insert(7, late)
    assert learnt_from(trials, best) == learnt_from(trials)


def test_trials_under_way_are_not_left_out() -> None:
    trials = tried(MOST_TRIALS + 100)
    for trial in trials[:50]:
        trial.state, trial.values, trial.datetime_complete = TrialState.RUNNING, None, None
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    kept = _Bounded(study, {}, {})._get_trials(deepcopy=False)
    assert [trial.number for trial in kept[:50]] == list(range(50))
    assert len(kept) == 50 + MOST_TRIALS


def test_which_candidate_is_best_is_computed_by_scipy_and_nothing_else_of_optuna_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, compute, seen = _truncnorm._log_ndtr, TPESampler._compute_acquisition_func, []

    def spy(sampler: TPESampler, *args: Any, **kwargs: Any) -> Any:
        seen.append(_truncnorm._log_ndtr)
        return compute(sampler, *args, **kwargs)

    monkeypatch.setattr(TPESampler, "_compute_acquisition_func", spy)
    proposal(tried(60), BoundedTPESampler(seed=3, n_startup_trials=5))
    assert set(seen) == {log_ndtr}
    assert _truncnorm._log_ndtr is own is not log_ndtr


def test_scipy_computes_what_optuna_does() -> None:
    where = np.concatenate([np.linspace(-60, 9, 5_000), -np.geomspace(1e-9, 1e4, 500)])
    np.testing.assert_allclose(_truncnorm._log_ndtr(where), log_ndtr(where), rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize("complete", [0.8, 0.01])
def test_what_is_kept_as_trials_end_is_what_is_learnt_from_of_all(
    complete: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", 40)
    trials, luck = tried(300, complete=complete), random.Random(4)
    for number, trial in enumerate(trials):
        trial._trial_id = 1_000 + number
    by_end = sorted(trials, key=lambda trial: trial.number + luck.uniform(0, 60))
    learnt, ended = Learnt(), dict[int, FrozenTrial]()
    for trial in by_end:
        ended[trial._trial_id] = trial
        left_out = learnt.add(trial)
        if left_out is not None:
            del ended[left_out]
        so_far = by_end[: by_end.index(trial) + 1]
        expected = learnt_from(sorted(so_far, key=lambda trial: trial.number))
        assert sorted(ended.values(), key=lambda trial: trial.number) == expected
    assert len(ended) == 40


def test_nothing_is_learnt_from_a_trial_that_failed() -> None:
    failed = create_trial(state=TrialState.FAIL)
    failed._trial_id = 5
    assert Learnt().add(failed) == 5
