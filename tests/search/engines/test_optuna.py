"""Optuna as the engine: its file, its pruners, and a kill at any moment.

What it has in common with the other engine is in test_conformance.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, text

from search.engines import Asked, bounded, derive
from search.engines.names import ENGINES
from search.engines.optuna import OptunaEngine
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import check
from spaces.studies import STUDIES
from tracking.records import State

PLAN = STUDIES["lstm_dropout"]
POINTS = list(PLAN.starting_points())
Open = Callable[..., OptunaEngine]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "optuna.db"


@pytest.fixture
def open_engine(database: Path) -> Open:
    """Open the engine as `search.run` does; a second call is a second session."""

    def open_engine(
        *,
        plan: StudyPlan = PLAN,
        owner: str = "1",
        sampler: str = "tpe",
        pruner: str = "median",
        n_texts: int = 0,
    ) -> OptunaEngine:
        return OptunaEngine(
            database,
            plan.name,
            owner,
            plan,
            seed=7,
            sampler=sampler,
            pruner=pruner,
            n_texts=n_texts,
        )

    return open_engine


def accuracy_of(asked: Asked) -> float:
    """Stands in for training: any number that the values alone decide."""
    return derive(0, int(float(asked.params["lstm.dropout"]) * 1e9), "accuracy") / 2**31


def run(engine: OptunaEngine, n: int) -> list[Asked]:
    """Ask and tell n complete trials."""
    done = []
    for _ in range(n):
        asked = engine.ask()
        engine.tell(asked.number, "complete", accuracy_of(asked), void=False)
        done.append(asked)
    return done


def proposals(trials: list[Asked]) -> list[tuple[object, ...]]:
    return [(dict(trial.params), trial.seed, trial.origin) for trial in trials]


def wide_plan() -> StudyPlan:
    return STUDIES["architecture"]


def test_a_proposal_for_one_family_has_no_parameter_of_another(
    open_engine: Open, database: Path
) -> None:
    plan = wide_plan()
    engine = open_engine(plan=plan)
    families = set()
    for number in range(30):
        asked = engine.ask()
        family = str(asked.params[FAMILY])
        families.add(family)
        assert set(asked.params) == set(plan.space_for(family))
        proposed = in_optuna(database, plan.name)[number].params
        assert set(proposed) == {*plan.searched_for({FAMILY: family})}
        check(plan.space_for(family), asked.params, of="proposal")
        engine.tell(asked.number, "complete", number / 100, void=False)
    assert families == set(plan.families)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_a_starting_point_is_never_pruned(open_engine: Open, pruner: str) -> None:
    """They are what the rest is held against, and a slow family must not fall to a fast one."""
    engine = open_engine(plan=wide_plan(), pruner=pruner)
    pruned = []
    for number in range(20):
        asked = engine.ask()
        for n in range(1, 6):
            if engine.should_prune(asked.number, n, 0.9 - number / 50):
                pruned.append(asked.origin)
                break
        state: State = "pruned" if len(pruned) and pruned[-1] == "tpe" else "complete"
        engine.tell(asked.number, state, 0.9 - number / 50, void=False)
    assert set(pruned) == {"tpe"}


def in_optuna(database: Path, name: str = PLAN.name) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{database}").trials


def states(database: Path) -> list[str]:
    return [trial.state.name for trial in in_optuna(database)]


def test_the_fixed_values_of_a_reference_arrive(open_engine: Open) -> None:
    defaults, reference, *_, sampled = run(open_engine(), len(POINTS) + 1)
    names = ("text.padding", "train.patience", "train.batch_size")
    assert "text.padding" not in PLAN.searched
    assert [reference.params[name] for name in names] == ["full", 3, 64]
    expected = [PLAN.space[name].default for name in names]
    assert [defaults.params[name] for name in names] == expected
    assert [sampled.params[name] for name in names] == expected
    assert expected[0] == "bucket"


def test_stops_change_nothing_of_what_is_proposed(open_engine: Open) -> None:
    n = len(POINTS) + 1
    whole = run(open_engine(plan=_named("whole")), n)
    stopped: list[Asked] = []
    for _ in range(n):
        for _ in range(2):  # two attempts are cut short, each in a session of its own
            engine = open_engine(plan=_named("stopped"))
            engine.tell(engine.ask().number, "failed", None, void=True)
        stopped += run(open_engine(plan=_named("stopped")), 1)
    assert proposals(stopped) == proposals(whole)
    assert [trial.number for trial in stopped] == [2, 5, 8, 11]


def test_what_is_remembered_from_proposal_to_proposal_changes_none(
    open_engine: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", 30)
    whole = run(open_engine(plan=_named("whole")), 45)
    stopped = [asked for _ in range(9) for asked in run(open_engine(plan=_named("stopped")), 5)]
    assert proposals(stopped) == proposals(whole)


class Killed(BaseException):
    """Stands in for SIGKILL at an exact moment: nothing in the engine may catch it."""


def kill_at(patch: pytest.MonkeyPatch, method: str, call: int) -> None:
    """Die at the beginning of the n-th call of a method of Optuna's."""
    calls = itertools.count(1)
    owner = optuna.Study if method in ("ask", "enqueue_trial") else optuna.Trial
    original = getattr(owner, method)

    def dying(*args: object, **kwargs: object) -> object:
        if next(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    patch.setattr(owner, method, dying)


MOMENTS = [
    ("enqueue_trial", 1),
    ("ask", 1),
    ("suggest_int", 1),
    ("suggest_float", 2),
    ("set_user_attr", 1),
    ("set_user_attr", 2),
]


@pytest.mark.parametrize(("method", "call"), MOMENTS)
def test_a_starting_point_is_not_lost_when_it_was_killed_while_it_was_asked(
    open_engine: Open, monkeypatch: pytest.MonkeyPatch, method: str, call: int
) -> None:
    run(open_engine(), 1)
    with monkeypatch.context() as patch:
        kill_at(patch, method, call)
        with pytest.raises(Killed):
            open_engine().ask()
    engine = open_engine()
    engine.reconcile({})
    assert engine.n_finished() == 1
    trials = run(engine, len(POINTS))
    assert [trial.origin for trial in trials] == [*POINTS[1:], "tpe"]
    expected = [dict(params) for params in list(PLAN.starting_points().values())[1:]]
    assert [dict(trial.params) for trial in trials[:-1]] == expected


@pytest.mark.parametrize(("method", "call"), MOMENTS)
def test_an_attempt_asked_again_is_not_lost_when_it_is_killed_while_it_is_asked(
    open_engine: Open, monkeypatch: pytest.MonkeyPatch, method: str, call: int
) -> None:
    engine = open_engine()
    run(engine, len(POINTS))
    cut_short = engine.ask()
    engine.tell(cut_short.number, "failed", None, void=True)
    with monkeypatch.context() as patch:
        kill_at(patch, method, call)
        with pytest.raises(Killed):
            open_engine().ask()
    engine = open_engine()
    engine.reconcile({})
    assert proposals([engine.ask()]) == proposals([cut_short])


def test_the_time_between_a_kill_and_the_next_start_costs_no_budget(
    open_engine: Open, database: Path
) -> None:
    open_engine().ask()
    yesterday = datetime.now() - timedelta(days=1)
    with create_engine(f"sqlite:///{database}").begin() as connection:
        connection.execute(text("UPDATE trials SET datetime_start = :at"), {"at": yesterday})
    engine = open_engine()
    engine.reconcile({})
    assert engine.seconds_spent() < 3_600


def test_nothing_is_waiting_or_running_between_trials(open_engine: Open, database: Path) -> None:
    engine = open_engine()
    outcomes: list[tuple[State, float | None, bool, str]] = [
        ("complete", 0.8, False, "COMPLETE"),
        ("failed", None, True, "FAIL"),
        ("pruned", None, False, "PRUNED"),
        ("failed", None, False, "FAIL"),
        ("complete", 0.7, False, "COMPLETE"),
    ]
    for n, (state, value, void, _) in enumerate(outcomes, start=1):
        engine.tell(engine.ask().number, state, value, void=void)
        assert states(database) == [told for *_, told in outcomes[:n]]
    assert engine.n_finished() == 4


def prune_at(engine: OptunaEngine, accuracies: tuple[float, ...]) -> int | None:
    """Run a trial; give the epoch after which it was pruned."""
    asked = engine.ask()
    for number, accuracy in enumerate(accuracies, start=1):
        if engine.should_prune(asked.number, number, accuracy):
            engine.tell(asked.number, "pruned", None, void=False)
            return number
    engine.tell(asked.number, "complete", max(accuracies), void=False)
    return None


def test_hyperband_judges_within_the_first_epoch_of_many_texts_and_the_median_does_not(
    open_engine: Open,
) -> None:
    engine = open_engine(pruner="hyperband", n_texts=20_000)
    assert engine.first_rung == 0.25
    pruned = 0
    for number in range(40):
        asked = engine.ask()
        poor = asked.origin == "tpe" and number % 2 == 1
        early = engine.should_prune(asked.number, 0.25, 0.5 if poor else 0.8)
        assert poor or not early
        pruned += early
        engine.tell(asked.number, "pruned" if early else "complete", 0.8, void=False)
    assert pruned
    assert open_engine(pruner="median", n_texts=20_000).first_rung == 0.25  # it keeps its steps
    median = open_engine(plan=STUDIES["lstm"], pruner="median", n_texts=20_000)
    assert median.first_rung is None
    few = open_engine(plan=STUDIES["gru"], pruner="hyperband", n_texts=3_000)
    assert few.first_rung is None


def test_the_median_pruner_ends_a_poor_trial_after_its_second_epoch(open_engine: Open) -> None:
    engine = open_engine()
    peers = [prune_at(engine, (0.80, 0.85, 0.86)) for _ in range(3)]
    poor_but_early = prune_at(engine, (0.50, 0.51, 0.52))
    assert [*peers, poor_but_early] == [None] * 4
    assert prune_at(engine, (0.50, 0.51, 0.52)) == 2
    assert prune_at(engine, (0.50, 0.88, 0.89)) is None


def test_hyperband_prunes_some_of_many_poor_trials_and_no_pruner_none(open_engine: Open) -> None:
    ends: dict[str, list[int | None]] = {}
    for pruner in ("hyperband", "none"):
        engine = open_engine(plan=_named(pruner), pruner=pruner)
        ends[pruner] = [
            prune_at(engine, tuple(0.9 - n / 40 + e / 100 for e in range(6))) for n in range(12)
        ]
    assert ends["none"] == [None] * 12
    assert any(end is not None for end in ends["hyperband"])
    assert ends["hyperband"][0] is None


def test_the_names_offered_on_the_command_line_are_those_the_engine_takes(
    open_engine: Open,
) -> None:
    for sampler in ENGINES["optuna"].samplers:
        assert (
            open_engine(plan=_named(f"{sampler} sampler"), sampler=sampler).ask().origin
            == "defaults"
        )
    for pruner in ENGINES["optuna"].pruners:
        assert (
            open_engine(plan=_named(f"{pruner} pruner"), pruner=pruner).ask().origin == "defaults"
        )
    with pytest.raises(ValueError, match=r"sampler must be one of .*tpe.*, but got 'grid'"):
        open_engine(sampler="grid").ask()
    with pytest.raises(ValueError, match=r"pruner must be one of .*median.*, but got 'grid'"):
        open_engine(pruner="grid")


def test_the_study_of_another_owner_is_put_aside_and_not_lost(
    open_engine: Open, database: Path
) -> None:
    run(open_engine(owner="1"), 2)
    engine = open_engine(owner="2")
    assert engine.n_finished() == 0
    assert engine.ask().origin == "defaults"
    aside = in_optuna(database, f"{PLAN.name}-of-1")
    assert [trial.state.name for trial in aside] == ["COMPLETE", "COMPLETE"]
    assert open_engine(owner="2").n_finished() == 0


def test_a_putting_aside_that_was_cut_short_is_made_again(
    open_engine: Open, database: Path
) -> None:
    run(open_engine(owner="1"), 2)
    storage = f"sqlite:///{database}"
    optuna.create_study(storage=storage, study_name=f"{PLAN.name}-of-1")  # half a copy
    assert open_engine(owner="2").n_finished() == 0
    assert len(in_optuna(database, f"{PLAN.name}-of-1")) == 2


def test_seeds_differ_by_study_seed_number_and_purpose() -> None:
    seeds = [
        derive(seed, number, purpose)
        for seed in (0, 1)
        for number in range(50)
        for purpose in ("sampler", "train")
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert derive(0, 0, "train") == derive(0, 0, "train")


def _named(name: str) -> StudyPlan:
    """A plan of another name makes another study in the same file."""
    return replace(PLAN, name=name)


def test_two_goals_are_told_to_optuna_and_the_front_is_its_own(
    open_engine: Open, database: Path
) -> None:
    engine = open_engine(sampler="nsga2", pruner="none")
    ends = [(0.8, 100), (0.9, 300), (0.85, 200), (0.85, 250)]
    for value, n_parameters in ends:
        number = engine.ask().number
        assert not engine.should_prune(number, 1, value)
        engine.tell(number, "complete", value, void=False, n_parameters=n_parameters)
    study = optuna.load_study(study_name=PLAN.name, storage=f"sqlite:///{database}")
    assert [trial.values for trial in study.trials] == [list(end) for end in ends]
    assert [trial.number for trial in study.best_trials] == [0, 1, 2]


def test_a_quasi_random_study_covers_each_range_evenly(open_engine: Open) -> None:
    plan = replace(PLAN, references=(), searched=("lstm.dropout", "lstm.layer_dropout"))
    trials = run(open_engine(plan=plan, sampler="qmc"), 17)[1:]
    for name in plan.searched:
        width = plan.space[name].high / 16
        assert len({int(float(trial.params[name]) / width) for trial in trials}) == 16
