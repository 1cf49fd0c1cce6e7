"""What a random forest makes of a study: which hyperparameters matter, and what it expects where.

Its word counts only as far as it predicts trials that it has not seen, which is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dashboards.page.ranges import number
from tracking.records import StudyRecord, TrialRecord, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 10  # trials, below which nothing is said
_MOST = 500  # trials: more would take long and change little
_LARGEST = 1e30  # the forest counts in 32 bits
_FOLDS, _RERUNS, _TREES, _SEED = 5, 5, 60, 0


@dataclass(frozen=True)
class Importance:
    """What a hyperparameter is worth to the forest.

    Attributes:
        family: whose trials it was judged within, beside what all have; empty where all have it.
        drop: share of the variance of accuracy, on trials not seen, that is lost when the
            hyperparameter's values are shuffled.
        deviation: of the drop, over shuffles.
    """

    name: str
    family: str
    drop: float
    deviation: float


@dataclass(frozen=True)
class Fit:
    """How well one forest knows the trials of a family, or of all.

    Attributes:
        explained: share of the variance of accuracy that it predicts on trials it has not seen;
            below 0 it is worse than the mean.
    """

    family: str
    n_trials: int
    explained: float
    importances: tuple[Importance, ...]


@dataclass(frozen=True)
class _Key:
    """A study as far as the forest is concerned: it is asked again only of new candidates."""

    name: str
    seen: tuple[tuple[str, int, float], ...]
    study: StudyRecord = field(compare=False)


def fits(study: StudyRecord) -> tuple[Fit, ...]:
    """Judge the hyperparameters that all candidates have; then those of each family, within it."""
    seen = tuple(
        (trial.run_id, trial.number, trial.score.val_accuracy)
        for trial in study.candidates
        if trial.score is not None
    )
    return _fits(_Key(study.plan.study, seen, study))


def ranked(study: StudyRecord) -> list[str]:
    """Name the hyperparameters that matter, the most important first; none that was not judged.

    Those that all candidates have come before those of one family: drops of two forests are
    shares of different variances, and cannot be compared.
    """
    found = [
        sorted(fit.importances, key=lambda i: -i.drop) for fit in fits(study) if fit.explained > 0
    ]
    return [i.name for importances in found for i in importances if i.drop > 0]


def surface(
    trials: Sequence[TrialRecord], names: tuple[str, str], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expect accuracies at points, from two numeric hyperparameters alone.

    Args:
        grid: values of the two, of shape (n_points, 2).

    Returns:
        float64 array of shape (n_points,).
    """
    some = _sample(trials)
    forest = _forest().fit(_matrix(some, names), _accuracies(some))
    expected: NDArray[np.float64] = forest.predict(grid)
    return expected


@lru_cache(maxsize=16)
def _fits(key: _Key) -> tuple[Fit, ...]:
    study = key.study
    shared = _common(study.candidates, study.plan.space)
    found = [_fit("", study.candidates, shared, shared)]
    if len(study.families) > 1:
        for family in study.families:
            trials = [trial for trial in study.candidates if trial.family == family]
            names = _common(trials, study.plan.space)
            own = [name for name in names if name not in shared]
            found.append(_fit(family, trials, names, own))
    return tuple(found)


def _common(trials: Sequence[TrialRecord], space: Mapping[str, str]) -> list[str]:
    """Name what all the trials have, and what is not the same in all."""
    return [
        name
        for name in space
        if all(name in trial.params for trial in trials)
        and len({repr(trial.params[name]) for trial in trials}) > 1
    ]


def _fit(
    family: str, trials: Sequence[TrialRecord], names: Sequence[str], asked: Sequence[str]
) -> Fit:
    """Fit a forest on some names, and judge those of them that are asked for."""
    if len(trials) < FEWEST or not asked:
        return Fit(family, len(trials), 0.0, ())
    some = _sample(trials)
    explained, drops = _shuffled(_matrix(some, names), _accuracies(some))
    importances = [
        # Shuffling what does not matter can help by chance: then nothing is lost.
        Importance(name, family, max(0.0, float(column.mean())), float(column.std()))
        for name, column in zip(names, drops.T, strict=True)
        if name in asked
    ]
    return Fit(family, len(trials), explained, tuple(importances))


def _shuffled(
    values: NDArray[np.float64], accuracies: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Predict each fold from the others, as it is and with one column shuffled after another.

    Returns:
        the share of variance explained, and what shuffling costs of it, of shape
        (n_repeats, n_columns).
    """
    from sklearn.model_selection import KFold

    generator = np.random.default_rng(_SEED)
    n_columns = values.shape[1]
    errors, shuffled = 0.0, np.zeros((_RERUNS, n_columns))
    for train, test in KFold(_FOLDS, shuffle=True, random_state=_SEED).split(values):
        forest = _forest().fit(values[train], accuracies[train])
        errors += float(((forest.predict(values[test]) - accuracies[test]) ** 2).sum())
        many = np.tile(values[test], (_RERUNS, n_columns, 1, 1))
        for rerun in range(_RERUNS):
            for column in range(n_columns):
                many[rerun, column, :, column] = generator.permutation(values[test, column])
        predicted = forest.predict(many.reshape(-1, n_columns)).reshape(many.shape[:3])
        shuffled += ((predicted - accuracies[test]) ** 2).sum(axis=2)
    total = float(((accuracies - accuracies.mean()) ** 2).sum()) or 1.0
    return 1 - errors / total, (shuffled - errors) / total


def _forest() -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=_SEED)


def _sample(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    ordered = sorted(trials, key=lambda trial: trial.number)
    if len(ordered) <= _MOST:
        return ordered
    return [ordered[place * len(ordered) // _MOST] for place in range(_MOST)]


def _accuracies(trials: Sequence[TrialRecord]) -> NDArray[np.float64]:
    return np.array([trial.score.val_accuracy for trial in trials if trial.score is not None])


def _matrix(trials: Sequence[TrialRecord], names: Sequence[str]) -> NDArray[np.float64]:
    """Write values as numbers, of shape (n_trials, n_names); choices by their place."""
    columns = [_column([trial.params[name] for trial in trials]) for name in names]
    return np.clip(np.array(columns, dtype=np.float64).T, -_LARGEST, _LARGEST)


def _column(values: Sequence[Value]) -> list[float]:
    numbers = [number(value) for value in values]
    known = [value for value in numbers if value is not None]
    if len(known) == len(values):
        return known
    places = {text: place for place, text in enumerate(sorted({repr(v) for v in values}))}
    return [float(places[repr(value)]) for value in values]
