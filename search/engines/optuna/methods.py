"""Optuna's samplers and pruners, with the settings that fit budgets of tens of trials."""

from __future__ import annotations

import warnings

from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import (
    BaseSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import TrialState, create_trial

from search.engines.names import ENGINES

# Hyperband judges for the first time after this share of the training texts, if that is some
# thousands: after 750 it ended good trials (tests/benchmarks/search_race.py). The median pruner
# waits for the second epoch anyway.
_FIRST_RUNG, _ENOUGH_TEXTS = 0.25, 4_000

_POPULATION = 10


def make_sampler(name: str, study: Study, study_seed: int, seed: int, place: int) -> BaseSampler:
    """Make the sampler of one proposal.

    Args:
        study_seed: the same for all proposals of a study.
        seed: of this proposal.
        place: of the proposal in the sequence of quasi-random points, from 0.
    """
    match name:
        case "tpe":
            # Optuna's own 10 random trials would use up most of a budget of 20 minutes.
            return TPESampler(seed=seed, n_startup_trials=5)
        case "random":
            return RandomSampler(seed=seed)
        case "qmc":
            return _qmc(study, study_seed, seed, place)
        case "nsga2":
            # Optuna's own 50 would be more than most budgets: no generation would ever end.
            return NSGAIISampler(population_size=_POPULATION, seed=seed)
    raise ValueError(
        f"sampler must be one of {tuple(ENGINES['optuna'].samplers)}, but got {name!r}."
    )


def _qmc(study: Study, study_seed: int, seed: int, place: int) -> QMCSampler:
    """Make a sampler that stands at a point of the one sequence that a study has.

    What the study's first trial did not have, another family's values, is drawn apart.
    """
    with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
        sampler = QMCSampler(
            scramble=True,
            seed=study_seed,
            independent_sampler=RandomSampler(seed=seed),
            warn_independent_sampling=False,
        )
    next_trial = create_trial(state=TrialState.RUNNING)
    space = sampler.infer_relative_search_space(study, next_trial)
    for _ in range(place):  # the study counts the points that were taken
        sampler.sample_relative(study, next_trial, space)
    return sampler


def first_rung(pruner: str, n_texts: int) -> float | None:
    """Return the share of `n_texts` texts after which a pruner judges; None is an epoch."""
    looks = pruner == "hyperband" and _FIRST_RUNG * n_texts >= _ENOUGH_TEXTS
    return _FIRST_RUNG if looks else None


def make_pruner(name: str) -> BasePruner:
    """Make a pruner that compares a trial with all others after the same epoch."""
    match name:
        case "median":
            # Four trials to compare with, and a second epoch before the first verdict: LSTMs of
            # this size often learn nothing in their first epoch.
            return MedianPruner(n_startup_trials=4, n_warmup_steps=2)
        case "none" | "hyperband":  # whose rungs pause trials, which Optuna's pruners cannot
            return NopPruner()
    raise ValueError(
        f"pruner must be one of {tuple(ENGINES['optuna'].pruners)}, but got {name!r}."
    )
