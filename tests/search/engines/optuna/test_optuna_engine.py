"""Optuna as the engine: what it proposes and prunes is what Optuna's own study would.

What it has in common with the other engines is in test_conformance.py, successive halving in
test_rungs.py.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import mean, median
from typing import Any

import optuna
import pytest
from optuna.samplers import QMCSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from search.engines.base import derive
from search.engines.names import ENGINES
from search.engines.optuna import storage_copy
from search.engines.optuna.optuna_engine import OptunaEngine
from search.engines.optuna.suggest import suggest
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tests.builders import build_epochs, build_trial
from tests.histories import begun, ended, run
from tests.plans import DROPOUT
from tracking.commandline.formatting import percent
from tracking.records import TrialRecord

PLAN = DROPOUT
ARCHITECTURE = STUDIES["architecture"]
TWO_RANGES = replace(PLAN, references=(), searched=("lstm.dropout", "lstm.layer_dropout"))


def engine(
    sampler: str = "tpe", pruner: str = "median", plan: StudyPlan = PLAN, seed: int = 7
) -> OptunaEngine:
    return OptunaEngine(plan, seed=seed, sampler=sampler, pruner=pruner)


def test_the_fixed_values_of_a_reference_arrive() -> None:
    defaults, reference, *_, sampled = run(engine, len(PLAN.initial_trials()) + 1)
    names = ("text.padding", "train.patience", "train.batch_size")
    assert "text.padding" not in PLAN.searched
    assert [reference.params[name] for name in names] == ["full", 3, 64]
    expected = [PLAN.space[name].default for name in names]
    assert [defaults.params[name] for name in names] == expected
    assert [sampled.params[name] for name in names] == expected
    assert expected[0] == "bucket"


def test_a_trial_is_written_for_optuna_once_it_has_ended_and_again_when_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, history, written = engine("random"), run(engine, 6), list[int]()
    original = storage_copy.to_frozen

    def write(trial: TrialRecord, *rest: Any) -> FrozenTrial:
        written.append(trial.number)
        return original(trial, *rest)

    monkeypatch.setattr("search.engines.optuna.optuna_engine.to_frozen", write)
    for _ in range(2):
        made.propose(history)
    assert written == [0, 1, 2, 3, 4, 5]
    history.append(begun(made.propose(history)))
    for _ in range(2):  # one that is under way changes
        made.propose(history)
    assert written[6:] == [6, 6]
    history[2] = replace(history[2], params={**history[2].params, "lstm.dropout": 0.125})
    study = made.study(history)
    assert written[8:] == [2, 6]
    assert study.get_trials(deepcopy=False)[2].params["lstm.dropout"] == 0.125


def test_what_optuna_notes_in_one_study_is_not_in_the_next() -> None:
    made, history = engine(), run(engine, 6)
    first, second = made.study(history), made.study(history)
    first.ask()
    assert (len(first.trials), len(second.trials)) == (7, 6)
    assert [t.number for t in second.trials] == [0, 1, 2, 3, 4, 5]
    assert [t.params for t in first.trials[:6]] == [t.params for t in second.trials]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("plan", [PLAN, ARCHITECTURE], ids=lambda plan: plan.name)
def test_proposals_are_those_of_an_optuna_study_that_lives_on(
    sampler: str, plan: StudyPlan
) -> None:
    study = optuna.create_study(direction="maximize")
    for record in run(lambda: engine(sampler, "none", plan), 30):
        seed = derive(7, record.number, "sampler")
        study.sampler = RandomSampler(seed=seed)
        if sampler == "tpe":
            study.sampler = TPESampler(seed=seed, n_startup_trials=5)
        if record.proposed_by in plan.initial_trials():
            study.enqueue_trial({n: record.params[n] for n in plan.searched_for(record.params)})
        trial = study.ask()
        values = suggest(trial, plan)
        assert values == {name: record.params[name] for name in values}
        assert record.score is not None
        study.tell(trial, record.score.val_accuracy)


def test_a_genetic_algorithm_knows_its_generations_from_the_records() -> None:
    trials = run(lambda: engine("nsga2", "none", TWO_RANGES), 32)
    generations = [trial.sampler_state.get("NSGAIISampler:generation") for trial in trials]
    assert generations == [None, *[0] * 10, *[1] * 10, *[2] * 10, 3]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_quasi_random_sequence_goes_on_as_that_of_a_sampler_that_lives_on() -> None:
    trials = run(lambda: engine("qmc", "none", TWO_RANGES), 17)
    study = optuna.create_study(sampler=QMCSampler(scramble=True, seed=7))
    study.enqueue_trial({name: trials[0].params[name] for name in TWO_RANGES.searched})
    for record in trials:
        trial = study.ask()
        values = suggest(trial, TWO_RANGES)
        assert values == {name: record.params[name] for name in TWO_RANGES.searched}
        study.tell(trial, 0.8)
    for name in TWO_RANGES.searched:  # and covers each range evenly
        width = TWO_RANGES.space[name].high / 16
        assert len({int(float(trial.params[name]) / width) for trial in trials[1:]}) == 16


def test_tpe_learns_where_the_good_values_are() -> None:
    plan = replace(PLAN, references=(), searched=("lstm.dropout",))
    distances: dict[str, list[float]] = {"tpe": [], "random": []}
    for sampler, found in distances.items():
        for seed in range(3):
            made, history = engine(sampler, "none", plan, seed), list[TrialRecord]()
            for number in range(30):
                trial = begun(made.propose(history))
                distance = abs(float(trial.params["lstm.dropout"]) - 0.3)
                history.append(ended(trial, 0.9 - distance))
                found += [distance] if number >= 20 else []
    assert mean(distances["tpe"]) < 0.6 * mean(distances["random"])


def running(number: int, curve: list[float]) -> TrialRecord:
    return build_trial(number, state="running", epochs=build_epochs(*curve))


@pytest.mark.parametrize("proposed_by", ["tpe", "defaults"])
def test_the_median_pruner_says_what_optunas_own_says_but_of_no_initial_trial(
    proposed_by: str,
) -> None:
    random, made, history = Random(2), engine(), list[TrialRecord]()
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    reasons = set()
    for number in range(40):
        trial, curve, reason = study.ask(), list[float](), None
        quality, growth = random.uniform(0.5, 0.7), random.uniform(0.0, 0.04)
        while reason is None and len(curve) < 5:
            curve.append(quality + growth * len(curve))
            trial.report(curve[-1], len(curve))
            reason = made.should_prune(
                replace(running(number, curve), proposed_by=proposed_by), history
            )
            assert (reason is not None) == (proposed_by == "tpe" and trial.should_prune())
        if reason is not None:
            _check_reason(reason, curve, history)
        reasons.add(reason and reason.partition(":")[0])
        state = TrialState.COMPLETE if reason is None else TrialState.PRUNED
        study.tell(trial, max(curve) if reason is None else None, state=state)
        ended_as = "complete" if reason is None else "pruned"
        history.append(build_trial(number, *curve, state=ended_as))
    after = {f"after epoch {n}" for n in (2, 3, 4)}
    assert reasons >= {None} | (after if proposed_by == "tpe" else set())
    assert "after epoch 1" not in reasons


def _check_reason(reason: str, curve: list[float], history: list[TrialRecord]) -> None:
    """Hold the numbers of a reason against those that Optuna's pruner compares."""
    now = len(curve)
    peers = [t.epochs[now - 1].val_accuracy for t in history if t.state == "complete"]
    assert reason == (
        f"after epoch {now}: {percent(max(curve))}, below the median {percent(median(peers))} "
        f"of {len(peers)} trials at epoch {now}"
    )


def test_a_reason_says_whose_median_it_is_and_when_the_best_was() -> None:
    made = OptunaEngine(ARCHITECTURE, seed=7, sampler="tpe", pruner="median")
    poor = running(9, [0.7, 0.65])
    peers = [build_trial(number, 0.8, 0.8) for number in range(4)]
    assert made.should_prune(poor, peers) == (
        "after epoch 2: at best 70.00 % (epoch 1), below the median 80.00 % of 4 trials of "
        "family lstm at epoch 2"
    )
    peers[1:] = [replace(build_trial(n, 0.9, 0.9), family="cnn") for n in (1, 2, 3)]
    assert made.should_prune(poor, peers) == (
        "after epoch 2: at best 70.00 % (epoch 1), below the median 90.00 % of 4 trials of "
        "all families at epoch 2"
    )


def test_two_goals_prune_nothing_and_leave_a_front() -> None:
    made = engine("nsga2", "median")
    peers = [build_trial(number, 0.8, 0.8, 0.8) for number in range(6)]
    assert made.should_prune(running(6, [0.1, 0.1]), peers) is None
    ends = [(0.8, 100), (0.9, 300), (0.85, 200), (0.85, 250)]
    trials = [build_trial(number, accuracy) for number, (accuracy, _) in enumerate(ends)]
    history = [
        replace(trial, score=replace(trial.score, n_parameters=n))
        for trial, (_, n) in zip(trials, ends, strict=True)
    ]
    study = made.study(history)
    assert [tuple(trial.values) for trial in study.trials] == ends
    assert [trial.number for trial in study.best_trials] == [0, 1, 2]


def test_the_names_offered_on_the_command_line_are_those_the_engine_takes() -> None:
    history = run(engine, len(PLAN.initial_trials()))
    for sampler in ENGINES["optuna"].samplers:
        assert engine(sampler).propose(history).proposed_by == sampler
    for pruner in ENGINES["optuna"].pruners:
        assert engine(pruner=pruner).should_prune(history[-1], history) is None
    with pytest.raises(ValueError, match=r"sampler must be one of .*tpe.*, but got 'grid'"):
        engine("grid").propose(history)
    with pytest.raises(ValueError, match=r"pruner must be one of .*median.*, but got 'grid'"):
        engine(pruner="grid")
