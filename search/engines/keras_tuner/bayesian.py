"""Keras Tuner's Gaussian process, whose proposals took half a minute.

It looks for the most promising values from fifty places, and each step from a place needs the
derivative along every range of the space, which it takes by predicting at one point after the
other. Here all points of a step are predicted at once: the same values, some fifteen times sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from search.system.keras_backend import silenced  # before Keras Tuner, which loads TensorFlow

with silenced():
    import keras_tuner

Array = NDArray[np.float64]

_N_PLACES = 50  # as Keras Tuner has it


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """Keras Tuner's oracle with a faster search for the lowest confidence bound."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        completed = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        if len(completed) < self.num_initial_points:
            random: dict[str, Any] = super().populate_space(trial_id)
            return random
        # Matrices so small are a matter for one thread: those of BLAS wait for each other.
        with threadpool_limits(1):
            self._fit(completed)
            return {"status": "RUNNING", "values": self._values(self._most_promising())}

    def _fit(self, completed: list[Any]) -> None:
        """Learn the goal, which is minimised; trials under way get a pessimistic estimate."""
        places = np.array([self._place(trial) for trial in completed])
        scores = -np.array([trial.score for trial in completed])
        self.gpr.fit(places, scores)
        if self.ongoing_trials:
            ongoing = np.array([self._place(trial) for trial in self.ongoing_trials.values()])
            mean, deviation = self.gpr.predict(ongoing, return_std=True)
            self.gpr.fit(
                np.concatenate([places, ongoing]), np.concatenate([scores, mean + deviation])
            )

    def _most_promising(self) -> Array:
        shape = _N_PLACES, len(self.hyperparameters.space)
        places = np.random.RandomState(self.seed).uniform(size=shape)
        found = [
            minimize(
                lambda place: self._bound(place[np.newaxis])[0],
                place,
                bounds=[(0, 1)] * len(place),
                method="L-BFGS-B",
                options={"workers": self._bounds_at},
            )
            for place in places
        ]
        best: Array = min(found, key=lambda end: float(end.fun)).x
        return best

    def _bound(self, points: Array) -> Array:
        """Return the lower confidence bounds of the goal at points (n, ranges)."""
        mean, deviation = self.gpr.predict(points, return_std=True)
        bound: Array = mean - self.beta * deviation
        return bound

    def _bounds_at(self, _: Callable[[Array], float], points: Iterable[Array]) -> Iterable[float]:
        """Map as SciPy asks for it: return the bounds at the points of one derivative."""
        return iter(self._bound(np.stack(list(points))))

    def _place(self, trial: Any) -> list[float]:
        """Return a trial's values as numbers between 0 and 1; a range it has not is at default."""
        values = trial.hyperparameters.values
        space = self.hyperparameters.space
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in space]

    def _values(self, place: Array) -> dict[str, Any]:
        """Return the values at a place, of the ranges that are active."""
        hyperparameters = self.get_space()
        hyperparameters.values = {}
        for hp, number in zip(hyperparameters.space, place, strict=True):
            if hyperparameters.is_active(hp):
                hyperparameters.values[hp.name] = hp.prob_to_value(number)
        values: dict[str, Any] = hyperparameters.values
        return values
