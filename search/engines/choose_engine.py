"""Make the engine that the person chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.cli.options import Options
    from search.engines.base import Engine


def choose(chosen: Options, *, n_texts: int) -> Engine:
    """Make the engine of a study.

    Args:
        n_texts: how many are trained on.
    """
    if chosen.plan.reproduces:
        from search.engines.fixed_list import ListedEngine

        return ListedEngine(chosen.plan, seed=chosen.seed)
    if chosen.engine == "keras-tuner":
        from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine

        return KerasTunerEngine(chosen.plan, seed=chosen.seed, sampler=chosen.sampler)

    from search.engines.optuna.optuna_engine import OptunaEngine

    return OptunaEngine(
        chosen.plan,
        seed=chosen.seed,
        sampler=chosen.sampler,
        pruner=chosen.pruner,
        n_texts=n_texts,
    )
