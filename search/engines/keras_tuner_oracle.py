"""Keras Tuner's oracles, without the files, locks and limits that a Tuner wraps around them.

An oracle's own reload would hand out its last trial a second time, forget where a grid was, and
read files that a kill may have torn. So only `populate_space` is asked of it, which proposes; what
it remembers is told to it anew from our journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from search.backend import silenced  # first: it silences TensorFlow, which Keras Tuner loads

with silenced():
    import keras_tuner
    from keras_tuner.engine.trial import Trial

from search.engines import derive
from search.engines.keras_tuner_bayesian import BayesianOracle
from search.engines.names import ENGINES
from spaces.families import FAMILY
from spaces.plan import StudyPlan, family_of
from spaces.ranges import Choice, Float, Int, Params, Range, Value

EPOCHS = "train.epochs"
_RUNG = "tuner/"  # prefix of what hyperband adds to the values
_FACTOR = 3  # of hyperband: each rung has three times the epochs for a third of the trials
_INITIAL_POINTS = 10


class Proposer:
    """One of Keras Tuner's oracles.

    Args:
        sampler: which; hyperband sets the epochs of a trial itself.
        seed: of the study; each proposal is seeded by it and by how many came before.
    """

    def __init__(self, sampler: str, plan: StudyPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        searched = [n for n in plan.searched if not (sampler == "hyperband" and n == EPOCHS)]
        self._oracle = _oracle(sampler, plan, render(plan, searched), seed)
        self._n_begun = 0

    def propose(self, trial_id: str) -> tuple[dict[str, Value], dict[str, Value]] | None:
        """Propose values for the next trial, which is then to begin under this id.

        Returns:
            values of the searched ranges that are active, each in its range, and of a rung; None
            if there is nothing to propose, now or, if no trial is under way, ever.
        """
        oracle = self._oracle
        oracle._seed_state = derive(self._seed, self._n_begun, "sampler")
        if self._sampler == "bayesian":
            oracle._random_state = np.random.RandomState(oracle._seed_state)
        response = oracle.populate_space(trial_id)
        if response["status"] != "RUNNING":
            return None
        values: dict[str, Any] = response["values"]
        rung = {name: value for name, value in values.items() if name.startswith(_RUNG)}
        active = {name: value for name, value in values.items() if name not in rung}
        return {n: decode(self._plan.space[n], value) for n, value in active.items()}, rung

    def begin(self, trial_id: str, values: Params, rung: Params, *, own: bool) -> None:
        """Note a trial that begins.

        Args:
            own: these are the values that `propose` has just given.
        """
        oracle = self._oracle
        hyperparameters = oracle.hyperparameters.copy()
        known = {hp.name for hp in oracle.hyperparameters.space}
        encoded = {n: encode(self._plan.space[n], values[n]) for n in values if n in known}
        hyperparameters.values = {**encoded, **rung}
        trial = Trial(hyperparameters, trial_id, "RUNNING")
        oracle._record_values(trial)  # so that it proposes them to nobody else
        oracle.trials[trial_id] = oracle.ongoing_trials[trial_id] = trial
        if own:
            oracle.start_order.append(trial_id)
        self._n_begun += 1

    def end(self, trial_id: str, score: float | None) -> None:
        """Note the end of a trial; one without a score failed."""
        oracle = self._oracle
        trial = oracle.ongoing_trials.pop(trial_id)
        trial.score = score
        trial.status = "FAILED" if score is None else "COMPLETED"
        oracle.end_order.append(trial_id)
        if self._sampler == "grid" and trial_id in oracle.start_order:
            oracle._populate_next.append(trial_id)  # the next combination is counted from here

    @property
    def replays(self) -> bool:
        """Whether it keeps more than its trials, so that each proposal must be made again.

        Those of the others may take seconds, and are only told to it.
        """
        return self._sampler in ("hyperband", "grid")


def _oracle(sampler: str, plan: StudyPlan, space: Any, seed: int) -> Any:
    goal = keras_tuner.Objective("val_accuracy", "max")
    given = {"objective": goal, "hyperparameters": space, "seed": derive(seed, 0, "oracle") + 1}
    match sampler:
        case "random":
            return keras_tuner.oracles.RandomSearchOracle(**given)
        case "bayesian":
            # Its own three random points for each range are more than most budgets.
            return BayesianOracle(num_initial_points=_INITIAL_POINTS, **given)
        case "hyperband":
            epochs = plan.space[EPOCHS]
            return keras_tuner.oracles.HyperbandOracle(
                max_epochs=plan.max_epochs if EPOCHS in plan.searched else epochs.default,
                factor=_FACTOR,
                hyperband_iterations=None,  # the budget of the study ends it
                **given,
            )
        case "grid":
            return keras_tuner.oracles.GridSearchOracle(**given)
    raise ValueError(
        f"sampler must be one of {tuple(ENGINES['keras-tuner'].samplers)}, but got {sampler!r}."
    )


def render(plan: StudyPlan, searched: list[str]) -> Any:
    """Write the searched ranges as HyperParameters: those of a family on condition of it.

    All are registered before the first proposal: of one that it meets later Keras Tuner proposes
    the default first.
    """
    space = keras_tuner.HyperParameters()
    for name in searched:
        family = family_of(name)
        condition: dict[str, Any] = {}
        if family is not None and FAMILY in searched:
            wanted = encode(plan.space[FAMILY], family)
            condition = {"parent_name": FAMILY, "parent_values": [wanted]}
        elif family not in (None, plan.family({})):
            continue  # of a family that this study does not try
        _register(space, name, plan.space[name], condition)
    return space


def _register(space: Any, name: str, range_: Range, condition: Mapping[str, Any]) -> None:
    default = encode(range_, range_.default)
    match range_:
        case Choice(options=options):
            names = [encode(range_, option) for option in options]
            space.Choice(name, names, default=default, **condition)
        case Int() | Float():
            add = space.Int if isinstance(range_, Int) else space.Float
            sampling = "log" if range_.log else "linear"
            add(name, range_.low, range_.high, sampling=sampling, default=default, **condition)


def encode(range_: Range, value: Value) -> Value:
    """Write a value as Keras Tuner takes it: its choices must all be of one type."""
    return json.dumps(value) if isinstance(range_, Choice) else value


def decode(range_: Range, value: Any) -> Value:
    """Read a value of Keras Tuner's, which may lie a rounding error outside its range."""
    match range_:
        case Choice():
            option: Value = json.loads(value)
            return option
        case Int() | Float():
            return type(range_.low)(min(max(value, range_.low), range_.high))
