"""Keras Tuner as the engine: what it promotes, how its space is written, what it leaves undone.

What it has in common with the other engine is in test_conformance.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from search.engines import Asked
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.keras_tuner_oracle import Proposer, decode, encode, render
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int
from spaces.studies import STUDIES

PLAN = replace(STUDIES["cnn"].with_max_epochs(9), references=())


def opened(sampler: str, plan: StudyPlan = PLAN, file: Path | None = None) -> KerasTunerEngine:
    return KerasTunerEngine(file, "1", plan, seed=7, sampler=sampler)


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


def finish(engine: KerasTunerEngine, accuracy: float) -> Asked:
    asked = engine.ask()
    assert asked is not None
    engine.tell(asked.number, "complete", accuracy, void=False)
    return asked


def test_hyperband_trains_the_best_third_again_for_longer_on_their_own_values_and_seeds() -> None:
    engine = opened("hyperband")
    finish(engine, 0.5)  # the defaults
    accuracies = [0.60, 0.71, 0.62, 0.73, 0.64, 0.75, 0.66, 0.67, 0.68]
    first = [finish(engine, accuracy) for accuracy in accuracies]
    assert {trial.params["train.epochs"] for trial in first} == {1}
    promoted = [finish(engine, 0.8) for _ in range(3)]
    assert [trial.origin for trial in promoted] == [f"promoted-from-{n}" for n in (6, 4, 2)]
    assert {trial.params["train.epochs"] for trial in promoted} == {3}
    for trial, of in zip(promoted, (first[5], first[3], first[1]), strict=True):
        assert trial.seed == of.seed
        assert {**trial.params, "train.epochs": 1} == of.params
    assert finish(engine, 0.9).params["train.epochs"] == 9


def test_hyperband_goes_on_for_as_long_as_the_study_has_a_budget() -> None:
    engine = opened("hyperband")
    numbers = [finish(engine, 0.5 + number / 300).number for number in range(60)]
    assert numbers == list(range(60))


def test_a_grid_ends_and_the_next_session_knows_it(tmp_path: Path) -> None:
    only = Choice(options=("pre", "post"), default="pre", note="")
    plan = replace(PLAN, space={**PLAN.space, "text.truncating": only})
    plan = replace(plan, searched=("text.truncating", "cnn.n_kernels"))
    engine = opened("grid", plan, tmp_path / "s.jsonl")
    tried = []
    while (asked := engine.ask()) is not None:
        engine.tell(asked.number, "complete", 0.8, void=False)
        tried.append((asked.params["text.truncating"], asked.params["cnn.n_kernels"]))
        engine = opened("grid", plan, tmp_path / "s.jsonl")
    assert len(tried) == 1 + 2 * 4  # the defaults, and the whole grid, in which they are again
    assert len(set(tried)) == 2 * 4


def test_a_study_may_go_on_with_another_sampler(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl"
    for sampler in ("random", "hyperband", "grid", "bayesian", "hyperband"):
        engine = opened(sampler, file=file)
        before = engine.n_finished()
        for number in range(3):
            finish(engine, 0.7 + number / 100)
        assert engine.n_finished() == before + 3


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


def test_the_gaussian_process_proposes_what_keras_tuners_own_does_with_fewer_predictions() -> None:
    plan = replace(PLAN, searched=("train.learning_rate", "cnn.output_dropout", "text.truncating"))
    theirs, ours = Proposer("bayesian", plan, 7), Proposer("bayesian", plan, 7)
    own = keras_tuner.oracles.BayesianOptimizationOracle
    theirs._oracle.__class__ = own
    calls = {id(one._oracle): counted(one._oracle.gpr) for one in (theirs, ours)}
    for number in range(13):
        values, expected = (one.propose(str(number)) for one in (ours, theirs))
        assert values is not None
        assert expected is not None
        assert values[0].keys() == expected[0].keys()
        for name, value in values[0].items():
            same = value if isinstance(value, str) else pytest.approx(value, rel=1e-4)
            assert expected[0][name] == same
        for one in (ours, theirs):
            one.begin(str(number), expected[0], {}, own=True)
            one.end(str(number), 0.9 - abs(float(expected[0]["cnn.output_dropout"]) - 0.2))
    # A step predicts twice; theirs does for each range, and once more.
    assert calls[id(ours._oracle)].n < 0.6 * calls[id(theirs._oracle)].n


def test_an_unknown_sampler_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"sampler must be one of .*hyperband.*, but got 'tpe'"):
        opened("tpe")
