"""Keras Tuner's oracles: a new one for each proposal, filled from the history of trials.

Only `populate_space` is asked of an oracle, which proposes. Its files, locks, retries and limits
are those of a Tuner, which does not exist here. What an oracle keeps beside its trials lies in the
records: which trial a grid goes on from, and which trials are in which bracket of hyperband.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from search.system.keras_backend import (
    silenced,  # first: it silences TensorFlow, which Keras Tuner loads
)

with silenced():
    import keras_tuner
    from keras_tuner.engine.trial import Trial

from search.engines.base import History, derive, next_number
from search.engines.keras_tuner.bayesian import BayesianOracle
from search.engines.names import ENGINES
from spaces.families import FAMILY, applies
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Params, Range, Value
from tracking.records import TrialRecord

EPOCHS = "train.epochs"
_ROUND = "tuner/"  # prefix of what hyperband adds to the values
ROUND_EPOCHS = _ROUND + "epochs"
ROUND_PROMOTES = _ROUND + "trial_id"  # the trial whose values are trained for longer

_FACTOR = 3  # of hyperband: each round has three times the epochs for a third of the trials
_INITIAL_POINTS = 10  # of bayesian: three for each range, its own rule, are more than most budgets
_MAX_COLLISIONS = 20  # as Keras Tuner has it: then a space counts as exhausted


class Proposer:
    """One kind of Keras Tuner's oracles.

    Args:
        sampler: which; hyperband sets the epochs of a trial itself.
        seed: of the study; each proposal is seeded by it and by its number.
    """

    def __init__(self, sampler: str, plan: StudyPlan, seed: int) -> None:
        if sampler not in ENGINES["keras-tuner"].samplers:
            known = tuple(ENGINES["keras-tuner"].samplers)
            raise ValueError(f"sampler must be one of {known}, but got {sampler!r}.")
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        epochs = plan.space[EPOCHS]
        self._max_epochs = plan.max_epochs if EPOCHS in plan.searched else epochs.default
        searched = [n for n in plan.searched if not (sampler == "hyperband" and n == EPOCHS)]
        self._space = render(plan, plan.in_order(searched))
        self._names = {hp.name for hp in self._space.space}

    def propose(self, history: History) -> tuple[dict[str, Value], dict[str, Any]] | None:
        """Propose values for the next trial.

        Returns:
            values of the searched ranges that are active, each in its range, and what is to be
            recorded with the trial for later proposals; None if there is nothing to propose.
        """
        told = {str(trial.number): self._tell(trial) for trial in history}
        tried = {_key(trial.hyperparameters.values) for trial in told.values()}
        for collisions in range(_MAX_COLLISIONS + 1):
            purpose = f"sampler-{collisions}" if collisions else "sampler"
            oracle = self._make(
                derive(self._seed, next_number(history), purpose) + 1
            )  # 0 is no seed
            oracle.trials = dict(told)
            oracle.ongoing_trials = {i: t for i, t in told.items() if t.status == "RUNNING"}
            response = self._populate(oracle, history)
            if response["status"] != "RUNNING":
                return None
            proposed: dict[str, Any] = response["values"]
            rounds = {n: value for n, value in proposed.items() if n.startswith(_ROUND)}
            values = {
                name: decode(self._plan.space[name], value)
                for name, value in proposed.items()
                if name not in rounds
            }
            is_new = _key(self._encode(values)) not in tried
            if is_new or self._may_repeat(rounds, history):
                return values, self._state(oracle, history, rounds)
        return None

    def may_promote(self, trial: TrialRecord) -> bool:
        """Return whether hyperband may propose the values of a trial for more epochs."""
        is_own = self._sampler == "hyperband" and bool(self._own([trial]))
        return is_own and trial.state == "complete" and trial.params[EPOCHS] != self._max_epochs

    def _make(self, seed: int) -> Any:
        goal = keras_tuner.Objective("val_accuracy", "max")
        given = {"objective": goal, "hyperparameters": self._space, "seed": seed}
        match self._sampler:
            case "random":
                return keras_tuner.oracles.RandomSearchOracle(**given)
            case "bayesian":
                return BayesianOracle(num_initial_points=_INITIAL_POINTS, **given)
            case "hyperband":
                return keras_tuner.oracles.HyperbandOracle(
                    max_epochs=self._max_epochs,
                    factor=_FACTOR,
                    hyperband_iterations=None,  # the budget of the study ends it
                    **given,
                )
        return keras_tuner.oracles.GridSearchOracle(**given)

    def _tell(self, trial: TrialRecord) -> Any:
        """Write a trial as Keras Tuner has it; one outside of today's ranges has no score."""
        values = self._plan.values_of(trial.family, trial.params)
        encoded = self._encode(trial.params if values is None else values)
        told = Trial(self._hyperparameters(encoded), str(trial.number))
        if values is None:
            told.status = "FAILED"
        elif trial.state == "complete" and trial.score is not None:
            told.status, told.score = "COMPLETED", trial.score.val_accuracy
        elif trial.has_ended:
            told.status = "FAILED"
        return told

    def _hyperparameters(self, values: Params) -> Any:
        hyperparameters = copy.copy(self._space)  # it shares the ranges, which never change
        hyperparameters.values = dict(values)
        return hyperparameters

    def _encode(self, params: Params) -> dict[str, Value]:
        """Write the values that are searched as Keras Tuner takes them."""
        return {
            name: encode(self._plan.space[name], value)
            for name, value in params.items()
            if name in self._names
        }

    def _populate(self, oracle: Any, history: History) -> Any:
        own = self._own(history)
        if own and self._sampler == "hyperband":
            _restore_brackets(oracle, own)
        elif own and self._sampler == "grid":
            # A grid begins with the defaults and goes on from each trial that it has begun. So a
            # new one goes on from our last trial if that is told as its first.
            first = str(own[-1].number)
            oracle.populate_space(first)
            oracle.start_order.append(first)
        return oracle.populate_space(str(next_number(history)))

    def _own(self, history: History) -> list[TrialRecord]:
        """Return the trials that this sampler itself has begun and can go on from."""
        own = [trial for trial in history if trial.sampler_state.get("sampler") == self._sampler]
        if self._sampler == "hyperband":
            return [t for t in own if t.sampler_state["max_epochs"] == self._max_epochs]
        return [trial for trial in own if self._is_on_grid(trial)]

    def _is_on_grid(self, trial: TrialRecord) -> bool:
        values = self._plan.values_of(trial.family, trial.params)
        if values is None:
            return False
        hyperparameters = self._hyperparameters(self._encode(values))
        return all(
            hyperparameters.values.get(hp.name) in (hp.default, *hp.values)
            for hp in self._space.space
            if hyperparameters.is_active(hp)
        )

    def _may_repeat(self, rounds: Mapping[str, Any], history: History) -> bool:
        """Return whether the values were not drawn at random, and so may have been tried."""
        match self._sampler:
            case "bayesian":
                return sum(trial.state == "complete" for trial in history) >= _INITIAL_POINTS
            case "hyperband":
                return ROUND_PROMOTES in rounds
        return self._sampler == "grid"

    def _state(self, oracle: Any, history: History, rounds: Mapping[str, Any]) -> dict[str, Any]:
        """Return what later proposals must know of a trial that has just been proposed."""
        if self._sampler not in ("hyperband", "grid"):
            return {}
        state: dict[str, Any] = {"sampler": self._sampler}
        if self._sampler == "hyperband":
            known = [trial.sampler_state["bracket"] for trial in self._own(history)]
            bracket = _bracket_of(
                oracle, str(next_number(history)), new=max(known, default=-1) + 1
            )
            state |= {"max_epochs": self._max_epochs, "bracket": bracket, **rounds}
        return state


def _restore_brackets(oracle: Any, own: History) -> None:
    """Put each trial into its round of its bracket, as Keras Tuner's own files have it."""
    state = oracle.get_state()
    most = int(state["current_bracket"])  # a new oracle is in the first bracket, the largest
    brackets: list[dict[str, Any]] = []
    for trial in own:
        place = trial.sampler_state
        while len(brackets) <= place["bracket"]:
            number = most - len(brackets) % (most + 1)
            rounds: list[list[Any]] = [[] for _ in range(number + 1)]
            brackets.append({"bracket_num": number, "rounds": rounds, "place": len(brackets)})
        entry = {"past_id": place.get(ROUND_PROMOTES), "id": str(trial.number)}
        brackets[place["bracket"]]["rounds"][place[_ROUND + "round"]].append(entry)
    current = brackets[-1]["bracket_num"]
    oracle.set_state({**state, "brackets": brackets, "current_bracket": current})


def _bracket_of(oracle: Any, trial_id: str, *, new: int) -> int:
    """Return the bracket that a trial was put into, counted from 0; `new` if it began one."""
    (bracket,) = (
        bracket
        for bracket in oracle.get_state()["brackets"]
        if any(entry["id"] == trial_id for round_ in bracket["rounds"] for entry in round_)
    )
    return int(bracket.get("place", new))


def _key(values: Params) -> frozenset[tuple[str, Value]]:
    """Return the values as a set holds them."""
    return frozenset(values.items())


def render(plan: StudyPlan, searched: list[str]) -> Any:
    """Write the searched ranges as HyperParameters, each on condition of what it depends on.

    All are registered before the first proposal: of one that it meets later Keras Tuner proposes
    the default first.
    """
    space = keras_tuner.HyperParameters()
    for name in searched:
        having = [family for family in plan.families if applies(name, family)]
        if not having or (FAMILY not in searched and plan.family({}) not in having):
            continue  # of families that this study does not try
        conditions = _conditions(plan, name)
        if len(having) < len(plan.families):
            conditions.insert(0, (FAMILY, tuple(having)))
        fixed = [(plan.space[n].default, v) for n, v in conditions if n not in searched]
        if any(value not in wanted for value, wanted in fixed):
            continue  # no trial has it
        with ExitStack() as scopes:
            for other, values in conditions:
                if other in searched:
                    wanted = [encode(plan.space[other], value) for value in values]
                    scopes.enter_context(space.conditional_scope(other, wanted))
            _register(space, name, plan.space[name])
    return space


def _conditions(plan: StudyPlan, name: str) -> list[tuple[str, tuple[Value, ...]]]:
    """Return what a hyperparameter depends on, and what that depends on before it."""
    found: list[tuple[str, tuple[Value, ...]]] = []
    for other, values in plan.space[name].when:
        found += [*_conditions(plan, other), (other, values)]
    return found


def _register(space: Any, name: str, range_: Range) -> None:
    default = encode(range_, range_.default)
    match range_:
        case Choice(options=options):
            names = [encode(range_, option) for option in options]
            space.Choice(name, names, default=default)
        case Int() | Float():
            add = space.Int if isinstance(range_, Int) else space.Float
            sampling = "log" if range_.log else "linear"
            add(name, range_.low, range_.high, sampling=sampling, default=default)


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
