"""Keras Tuner as the engine: what it proposes from which history, and how its space is written.

What it has in common with the other engine is in test_conformance.py.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import keras_tuner
import pytest
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from threadpoolctl import threadpool_limits

from search.engines.keras_tuner.bayesian import BayesianOracle
from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine
from search.engines.keras_tuner.oracle import decode, encode, render
from search.engines.names import ENGINES
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Params
from spaces.studies import STUDIES
from tests.histories import begun, ended
from tracking.records import State, TrialRecord

PLAN = replace(STUDIES["cnn"].with_max_epochs(9), references=())
SMALL = replace(PLAN, searched=("train.learning_rate", "cnn.output_dropout", "text.truncating"))
SAMPLERS = tuple(ENGINES["keras-tuner"].samplers)

_ONLY = Choice(options=("pre", "post"), default="pre", note="")
GRID = replace(
    PLAN,
    space={**PLAN.space, "text.truncating": _ONLY},
    searched=("text.truncating", "cnn.n_kernels"),
)


def engine(sampler: str, plan: StudyPlan = PLAN) -> KerasTunerEngine:
    return KerasTunerEngine(plan, seed=7, sampler=sampler)


class Study:
    """A study whose trials end as it is told."""

    def __init__(self, sampler: str, plan: StudyPlan = PLAN) -> None:
        self.engine = engine(sampler, plan)
        self.history: list[TrialRecord] = []

    def begin(self) -> TrialRecord:
        proposal = self.engine.propose(self.history)
        assert proposal is not None
        assert proposal.number == len(self.history)
        self.history.append(begun(proposal))
        return self.history[-1]

    def end(self, number: int, accuracy: float | None, state: State = "failed") -> None:
        self.history[number] = ended(self.history[number], accuracy, state)

    def finish(self, accuracy: float | None) -> TrialRecord:
        trial = self.begin()
        self.end(trial.number, accuracy)
        return trial


@pytest.mark.parametrize("sampler", ["random", "hyperband", "bayesian"])
def test_nothing_is_drawn_twice_until_everything_was(sampler: str) -> None:
    study = Study(sampler, replace(GRID, searched=("cnn.n_kernels",)))
    tried = [study.finish(0.8).params["cnn.n_kernels"] for _ in range(4)]
    assert set(tried) == {1, 2, 3, 4}
    assert study.engine.propose(study.history) is None


def test_hyperband_trains_the_best_third_again_for_longer_on_their_own_values_and_seeds() -> None:
    study = Study("hyperband")
    study.finish(0.5)  # the defaults
    accuracies = [0.60, 0.71, 0.62, 0.73, 0.64, 0.75, 0.66, 0.67, 0.68]
    first = [study.finish(accuracy) for accuracy in accuracies]
    assert {trial.params["train.epochs"] for trial in first} == {1}
    promoted = [study.finish(0.8) for _ in range(3)]
    assert [trial.proposed_by for trial in promoted] == [f"promoted-from-{n}" for n in (6, 4, 2)]
    assert {trial.params["train.epochs"] for trial in promoted} == {3}
    for trial, of in zip(promoted, (first[5], first[3], first[1]), strict=True):
        assert trial.seed == of.seed
        assert {**trial.params, "train.epochs": 1} == of.params
    assert study.finish(0.9).params["train.epochs"] == 9


def test_hyperband_promotes_nothing_that_failed() -> None:
    study = Study("hyperband")
    study.finish(0.5)
    for accuracy in (0.60, 0.71, 0.62, 0.73, 0.64, None, 0.66, 0.67, 0.68):
        study.finish(accuracy)
    assert [study.finish(0.8).proposed_by for _ in range(2)] == [
        "promoted-from-4",
        "promoted-from-2",
    ]


def test_hyperband_goes_on_for_as_long_as_the_study_has_a_budget() -> None:
    study = Study("hyperband")
    numbers = [study.finish(0.5 + number / 300).number for number in range(60)]
    assert numbers == list(range(60))


def test_hyperband_promotes_what_keras_tuners_own_oracle_promotes() -> None:
    """It does so with three trials under way, some of which end without a score."""
    study = Study("hyperband")
    study.finish(0.5)
    theirs = keras_tuner.oracles.HyperbandOracle(
        objective=keras_tuner.Objective("val_accuracy", "max"),
        hyperparameters=render(PLAN, [n for n in PLAN.searched if n != "train.epochs"]),
        max_epochs=9,
        factor=3,
        hyperband_iterations=None,
        seed=1,
    )
    random = Random(3)
    for _ in range(60):
        trial = study.begin()
        trial_id = str(trial.number)
        values = theirs.populate_space(trial_id)["values"]
        told = Trial(with_values(theirs.get_space(), values), trial_id)
        theirs.trials[trial_id] = theirs.ongoing_trials[trial_id] = told
        rounds = {n: value for n, value in values.items() if n.startswith("tuner/")}
        assert {n: trial.sampler_state.get(n) for n in rounds} == rounds
        assert trial.params["train.epochs"] == rounds["tuner/epochs"]
        if len(theirs.ongoing_trials) == 3:
            ends = theirs.ongoing_trials.pop(random.choice(list(theirs.ongoing_trials)))
            score = None if random.random() < 0.1 else random.uniform(0.6, 0.9)
            ends.status, ends.score = "FAILED" if score is None else "COMPLETED", score
            study.end(int(ends.trial_id), score)


def with_values(space: Any, values: Mapping[str, Any]) -> Any:
    space.values = dict(values)
    return space


def test_a_grid_ends_and_every_session_knows_it() -> None:
    study = Study("grid", GRID)
    tried = []
    while (proposal := engine("grid", GRID).propose(study.history)) is not None:
        trial = study.finish(0.8)
        assert trial.params == proposal.params
        tried.append((trial.params["text.truncating"], trial.params["cnn.n_kernels"]))
    assert len(tried) == 1 + 2 * 4  # the defaults, and the whole grid, in which they are again
    assert len(set(tried)) == 2 * 4
    assert study.history[1].proposed_by == "rerun-of-0"
    assert study.engine.propose(study.history) is None


def test_a_grid_is_the_one_that_keras_tuner_tries(tmp_path: Path) -> None:
    plan = replace(STUDIES["architecture"].with_max_epochs(3), references=())
    of_a_family = next(name for name in plan.searched if name.startswith("cnn."))
    plan = replace(plan, searched=(FAMILY, of_a_family))
    tuner = Tuner(
        oracle=keras_tuner.oracles.GridSearchOracle(
            objective=keras_tuner.Objective("val_accuracy", "max"),
            hyperparameters=render(plan, list(plan.searched)),
        ),
        directory=tmp_path,
    )
    tuner.oracle.verbose = 0
    tuner.search()
    study = Study("grid", plan)
    for _ in plan.families:
        study.finish(0.8)
    for values in tuner.tried:
        params = study.finish(0.8).params
        assert {n: encode(plan.space[n], params[n]) for n in values} == values
        assert [n for n in plan.searched_for(params) if n not in values] == []
    assert study.engine.propose(study.history) is None


class Tuner(BaseTuner):  # type: ignore[misc]
    """Keras Tuner at work, with trials that train nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tried: list[Params] = []

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        self.tried.append(dict(trial.hyperparameters.values))
        return {"val_accuracy": 0.8}


def test_the_gaussian_process_learns_where_the_good_values_are() -> None:
    study = Study("bayesian", replace(PLAN, searched=("cnn.output_dropout",)))
    distances = []
    for _ in range(15):
        trial = study.begin()
        distances.append(abs(float(trial.params["cnn.output_dropout"]) - 0.2))
        study.end(trial.number, 0.9 - distances[-1])
    drawn, learnt = distances[1:10], distances[10:]
    assert mean(learnt) < 0.3 * mean(drawn)


def test_the_gaussian_process_proposes_other_values_than_those_under_way() -> None:
    study = Study("bayesian", SMALL)
    for _ in range(10):
        trial = study.begin()
        study.end(trial.number, 0.9 - abs(float(trial.params["cnn.output_dropout"]) - 0.2))
    under_way = [study.begin().params for _ in range(3)]
    for one, other in itertools.combinations(under_way, 2):
        assert one != other


def test_the_gaussian_process_proposes_what_keras_tuners_own_does_with_fewer_predictions() -> None:
    own = keras_tuner.oracles.BayesianOptimizationOracle
    theirs, ours = (oracle_with_trials(cls, seed=1) for cls in (own, BayesianOracle))
    calls = [counted(oracle.gpr) for oracle in (theirs, ours)]
    with threadpool_limits(1):
        expected, values = (one.populate_space("x")["values"] for one in (theirs, ours))
    assert values.keys() == expected.keys()
    for name, value in values.items():
        same = value if isinstance(value, str) else pytest.approx(value, rel=1e-4)
        assert expected[name] == same
    # A step predicts twice; theirs does for each range, and once more.
    assert calls[1].n < 0.6 * calls[0].n


def oracle_with_trials(cls: type, *, seed: int) -> Any:
    """An oracle with twelve finished trials at random values."""
    space = render(SMALL, list(SMALL.searched))
    goal = keras_tuner.Objective("val_accuracy", "max")
    oracle = cls(objective=goal, hyperparameters=space, seed=seed, num_initial_points=10)
    drawn = keras_tuner.oracles.RandomSearchOracle(
        objective=goal, hyperparameters=space, seed=seed
    )
    for number in range(12):
        values = drawn.populate_space(str(number))["values"]
        trial = Trial(with_values(copy.copy(space), values), str(number), "COMPLETED")
        trial.score = 0.9 - abs(values["cnn.output_dropout"] - 0.2)
        oracle.trials[str(number)] = trial
    return oracle


@dataclass
class Calls:
    n: int = 0


def counted(gpr: Any) -> Calls:
    """Count how often a Gaussian process predicts."""
    calls, predict = Calls(), gpr.predict

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.n += 1
        return predict(*args, **kwargs)

    gpr.predict = counting
    return calls


def test_a_study_may_go_on_with_another_sampler() -> None:
    study = Study("random")
    for sampler in ("random", "hyperband", "grid", "bayesian", "hyperband", "grid"):
        study.engine = engine(sampler)
        for number in range(3):
            study.finish(0.7 + number / 100)
    grid = [trial for trial in study.history if trial.sampler_state.get("sampler") == "grid"]
    assert len({tuple(trial.params.items()) for trial in grid}) == 6  # it went on where it was
    hyperband = [t for t in study.history if t.sampler_state.get("sampler") == "hyperband"]
    assert {trial.sampler_state["bracket"] for trial in hyperband} == {0}


def test_the_parameters_of_a_family_are_registered_on_condition_of_it() -> None:
    plan = STUDIES["architecture"]
    space = render(plan, list(plan.searched))
    assert [hp.name for hp in space.space] == list(plan.searched)
    for hp in space.space:
        prefix = hp.name.partition(".")[0]
        conditions = [(c.name, c.values) for c in hp.conditions]
        family = [] if prefix in ("model", "text", "train") else [(FAMILY, [f'"{prefix}"'])]
        assert conditions == family


def test_choices_of_several_types_come_back_as_they_were() -> None:
    range_ = Choice(options=(True, 1.0, 2, "a"), default="a", note="")
    values = [decode(range_, encode(range_, option)) for option in range_.options]
    assert values == list(range_.options)
    assert [type(value) for value in values] == [bool, float, int, str]


@pytest.mark.parametrize("value", [0.09999999999999998, 10.000000000000002])
def test_a_value_a_rounding_error_outside_its_range_is_brought_into_it(value: float) -> None:
    range_ = Float(low=0.1, high=10.0, default=1.0, note="", log=True)
    assert decode(range_, value) in range_
    assert decode(Int(low=1, high=4, default=2, note=""), 5) == 4


def test_an_unknown_sampler_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"sampler must be one of .*hyperband.*, but got 'tpe'"):
        engine("tpe")
