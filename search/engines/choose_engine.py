"""Make the engine that the person chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.engines.base import Engine
    from spaces.plan import StudyPlan


def choose_engine(
    plan: StudyPlan, engine: str, sampler: str, pruner: str, *, seed: int, n_texts: int
) -> Engine:
    """Make the engine of a study.

    Args:
        engine, sampler, pruner: as search/engines/names.py has them; a reproduction has none.
        n_texts: how many are trained on.
    """
    if plan.reproduces:
        from search.engines.fixed_list import ListedEngine

        return ListedEngine(plan, seed=seed)
    if engine == "keras-tuner":
        from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine

        return KerasTunerEngine(plan, seed=seed, sampler=sampler)

    from search.engines.optuna.optuna_engine import OptunaEngine

    return OptunaEngine(plan, seed=seed, sampler=sampler, pruner=pruner, n_texts=n_texts)
