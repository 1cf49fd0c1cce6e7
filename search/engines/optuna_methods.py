"""Optuna's samplers and pruners, with the settings that fit budgets of tens of trials."""

from __future__ import annotations

import warnings

from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, NSGAIISampler, QMCSampler, RandomSampler
from optuna.trial import FrozenTrial

from search.engines.bounded import BestByStates, BoundedTPESampler
from search.engines.curves import RememberingMedianPruner
from search.engines.names import ENGINES
from spaces.plan import StudyPlan

# Hyperband judges for the first time after this share of the training texts, if that is some
# thousands: after 750 it ended good trials (tests/benchmarks/search_race.py). The median pruner
# waits for the second epoch anyway.
_FIRST_RUNG, _ENOUGH_TEXTS = 0.25, 4_000

_POPULATION = 10

# They look at what a bounded number of trials was, or keep what they need of each themselves.
_FORGETFUL_SAMPLERS, _FORGETFUL_PRUNERS = ("tpe", "random"), ("median", "none")


def may_forget(sampler: str, pruner: str) -> bool:
    """Tell whether sampler and pruner do without the trials that TPE does not learn from."""
    return sampler in _FORGETFUL_SAMPLERS and pruner in _FORGETFUL_PRUNERS


def make_sampler(
    name: str, study_seed: int, seed: int, best: BestByStates | None = None
) -> BaseSampler:
    """Make the sampler of one proposal.

    Args:
        study_seed: the same for all proposals of a study.
        seed: of this proposal.
        best: what TPE remembers of the study from one proposal to the next.
    """
    match name:
        case "tpe":
            # Optuna's own 10 random trials would use up most of a budget of 20 minutes.
            return BoundedTPESampler(best, seed=seed, n_startup_trials=5)
        case "random":
            return RandomSampler(seed=seed)
        case "qmc":
            # One sequence for the whole study; Optuna counts how far it has come. What its first
            # trial did not have, another family's values, is drawn apart.
            with warnings.catch_warnings(category=ExperimentalWarning, action="ignore"):
                return QMCSampler(
                    scramble=True,
                    seed=study_seed,
                    independent_sampler=RandomSampler(seed=seed),
                    warn_independent_sampling=False,
                )
        case "nsga2":
            # Optuna's own 50 would be more than most budgets: no generation would ever end.
            return _OrderedNSGAIISampler(population_size=_POPULATION, seed=seed)
    raise ValueError(
        f"sampler must be one of {tuple(ENGINES['optuna'].samplers)}, but got {name!r}."
    )


class _OrderedNSGAIISampler(NSGAIISampler):
    """Gives parents in the order of their numbers, as Optuna does from the second time on.

    Who asks first after a stop would otherwise get other children than without it.
    """

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        parents = super().select_parent(study, generation)
        return sorted(parents, key=lambda trial: trial.number)


def first_rung(pruner: str, n_texts: int) -> float | None:
    """Give the share of `n_texts` training texts after which a pruner judges; None is an epoch."""
    looks = pruner == "hyperband" and _FIRST_RUNG * n_texts >= _ENOUGH_TEXTS
    return _FIRST_RUNG if looks else None


def make_pruner(name: str, plan: StudyPlan, rung: float | None) -> BasePruner:
    """Make a pruner.

    Args:
        rung: where the first step lies, in epochs, and how far the others are apart; None is 1.
    """
    match name:
        case "median":
            # Four trials to compare with, and a second epoch before the first verdict: LSTMs of
            # this size often learn nothing in their first epoch.
            return RememberingMedianPruner(
                n_startup_trials=4, n_warmup_steps=round(2 / (rung or 1.0))
            )
        case "hyperband":
            return HyperbandPruner(
                min_resource=1, max_resource=round(plan.max_epochs / (rung or 1.0))
            )
        case "none":
            return NopPruner()
    raise ValueError(
        f"pruner must be one of {tuple(ENGINES['optuna'].pruners)}, but got {name!r}."
    )
