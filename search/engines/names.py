"""What each engine offers and when to take it, importable without the engine: `--help` needs it.

The first of each is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """An engine: what it is called, and its methods with a line on each."""

    label: str
    samplers: Mapping[str, str]
    pruners: Mapping[str, str]


ENGINES: dict[str, Offer] = {
    "optuna": Offer(
        label="Optuna",
        samplers={
            "tpe": "learns from every trial which values are promising; for any budget",
            "random": "independent draws; for statistics over the space",
            "qmc": "draws that cover one family's space evenly; from about 20 trials on",
            "nsga2": "two goals, accuracy and few trained numbers; from about 40 trials on",
        },
        pruners={
            "median": "ends a trial that is below the median of the others at its epoch",
            "hyperband": "gives many trials an epoch or less, and the best of them all; for 30 on",
            "none": "trains every trial to its end; the only one for nsga2",
        },
    ),
    "keras-tuner": Offer(
        label="Keras Tuner",
        samplers={
            "random": "independent draws, none of them twice",
            "bayesian": "a Gaussian process; for one family, as each proposal takes seconds",
            "hyperband": "many short trials, the best of them trained again for longer",
            "grid": "every combination in turn; for two or three ranges",
        },
        pruners={"none": "Keras Tuner has no pruners: its hyperband promotes instead"},
    ),
}

DEFAULT_ENGINE = next(iter(ENGINES))
SAMPLERS = tuple(dict.fromkeys(name for offer in ENGINES.values() for name in offer.samplers))
GOALS = {"nsga2": ("val_accuracy", "n_parameters")}  # by sampler; others have the first alone


def label(engine: str) -> str:
    """Return an engine's name as people know it."""
    return ENGINES[engine].label


def methods() -> str:
    """Describe every engine, sampler and pruner in a line each."""
    lines = []
    for engine, offer in ENGINES.items():
        lines += [f"--engine {engine}"]
        lines += [f"  --sampler {name:10} {when}" for name, when in offer.samplers.items()]
        lines += [f"  --pruner {name:11} {when}" for name, when in offer.pruners.items()]
    return "\n".join(lines)
