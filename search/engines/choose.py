"""Open the engine that the person chose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.engines import Engine
    from search.options import Options
    from tracking.patience import Patience
    from tracking.writer import StudyStore


def choose(
    chosen: Options,
    root: Path,
    records: StudyStore,
    *,
    n_texts: int,
    n_workers: int,
    patience: Patience,
) -> Engine:
    """Open the engine of a study, where it left off.

    Args:
        records: those that it belongs to.
        n_texts: how many are trained on.
        n_workers: how many trials are evaluated side by side.
        patience: how long a call waits for a database that is away or locked.
    """
    if chosen.plan.reproduces:
        from search.engines.listed import ListedEngine

        return ListedEngine(chosen.plan, seed=chosen.seed)

    limits: Any = {"seed": chosen.seed, "sampler": chosen.sampler}
    limits["n_workers"] = n_workers if chosen.deterministic else None
    if chosen.engine == "keras-tuner":
        from search.engines.journal import folder_of
        from search.engines.keras_tuner import KerasTunerEngine

        file = folder_of(root) / f"{chosen.study}.jsonl"
        return KerasTunerEngine(file, records.parent, chosen.plan, **limits)

    from search.engines.optuna import OptunaEngine
    from search.engines.storage import database

    return OptunaEngine(
        database(root),
        chosen.study,
        records.parent,
        chosen.plan,
        pruner=chosen.pruner,
        n_texts=n_texts,
        patience=patience,
        known=records.knows,
        **limits,
    )
