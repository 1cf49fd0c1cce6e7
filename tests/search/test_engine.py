"""The engine: what is proposed, in which order, and that a stop changes none of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, text

from search.engines import Asked, derive
from search.engines.listed import ListedEngine
from search.engines.names import PRUNERS, SAMPLERS
from search.engines.optuna import OptunaEngine
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import check
from spaces.studies import STUDIES
from tests.builders import build_trial
from tracking.cli import UserError
from tracking.records import EpochRecord, ScoreRecord, State, TrialRecord

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
        *, plan: StudyPlan = PLAN, owner: str = "1", sampler: str = "tpe", pruner: str = "median"
    ) -> OptunaEngine:
        return OptunaEngine(
            database, plan.name, owner, plan, seed=7, sampler=sampler, pruner=pruner
        )

    return open_engine


def epoch(number: int, accuracy: float) -> EpochRecord:
    return EpochRecord(number, 0.5, 0.8, 0.6, accuracy, 1e-3, 1.0, 500.0)


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


def record(asked: Asked, state: State, accuracy: float | None, *, void: bool) -> TrialRecord:
    score = accuracy and ScoreRecord(1, accuracy, 0.1, 0.9, 0.6, 0.8, 1_000, ((1, 0), (0, 1)))
    return TrialRecord(
        number=asked.number,
        family="lstm",
        origin=asked.origin,
        params=asked.params,
        seed=asked.seed,
        state=state,
        void=void,
        reason="",
        seconds=1.0,
        epochs=(),
        score=score or None,
        run_id="",
        model=False,
    )


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
            if engine.should_prune(asked.number, epoch(n, 0.9 - number / 50)):
                pruned.append(asked.origin)
                break
        state: State = "pruned" if len(pruned) and pruned[-1] == "tpe" else "complete"
        engine.tell(asked.number, state, 0.9 - number / 50, void=False)
    assert set(pruned) == {"tpe"}


def listed(plan: StudyPlan, recorded: list[TrialRecord]) -> ListedEngine:
    engine = ListedEngine(plan, seed=7)
    engine.reconcile({trial.number: trial for trial in recorded})
    return engine


def test_a_list_is_gone_through_once_for_each_repeat_and_each_time_on_another_seed() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2016", "feedforward-dropout"), repeats=2)
    engine = listed(plan, [])
    asked = []
    while engine.n_finished() < 4:
        asked.append(engine.ask())
        engine.tell(asked[-1].number, "complete", None, void=False)
    assert [trial.number for trial in asked] == [0, 1, 2, 3]
    assert [trial.origin for trial in asked] == ["lstm-2016", "feedforward-dropout"] * 2
    assert len({trial.seed for trial in asked}) == 4
    assert [trial.params for trial in asked[:2]] == [*plan.starting_points().values()]


def test_a_list_goes_on_where_it_was_stopped_with_the_seed_it_would_have_had() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2016", "feedforward-dropout"))
    first = listed(plan, [])
    whole = first.ask()
    first.tell(whole.number, "complete", None, void=False)
    cut = first.ask()
    recorded = [
        record(whole, "complete", None, void=False),
        record(cut, "failed", None, void=True),
    ]
    second = listed(plan, recorded)
    again = second.ask()
    assert (again.number, again.origin, again.seed) == (2, cut.origin, cut.seed)
    assert (second.n_finished(), second.seconds_spent()) == (1, 2.0)


def test_what_was_trained_for_the_whole_list_counts_for_a_part_of_it_and_more_is_added() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2016",))
    asked = listed(plan, []).ask()
    done = record(asked, "complete", None, void=False)
    assert listed(plan, [done]).n_finished() == 1
    more = listed(replace(plan, repeats=3), [done])
    assert (more.n_finished(), more.ask().origin) == (1, "lstm-2016")


def in_optuna(database: Path, name: str = PLAN.name) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{database}").trials


def states(database: Path) -> list[str]:
    return [trial.state.name for trial in in_optuna(database)]


def test_the_starting_points_come_first_in_their_order_and_then_the_sampler(
    open_engine: Open,
) -> None:
    trials = run(open_engine(), len(POINTS) + 2)
    assert [trial.number for trial in trials] == list(range(len(POINTS) + 2))
    assert [trial.origin for trial in trials] == [*POINTS, "tpe", "tpe"]
    expected = [dict(params) for params in PLAN.starting_points().values()]
    assert [dict(trial.params) for trial in trials[: len(POINTS)]] == expected


def test_the_fixed_values_of_a_reference_arrive(open_engine: Open) -> None:
    defaults, reference, *_, sampled = run(open_engine(), len(POINTS) + 1)
    names = ("text.padding", "train.patience", "train.batch_size")
    assert "text.padding" not in PLAN.searched
    assert [reference.params[name] for name in names] == ["full", 3, 64]
    expected = [PLAN.space[name].default for name in names]
    assert [defaults.params[name] for name in names] == expected
    assert [sampled.params[name] for name in names] == expected
    assert expected[0] == "bucket"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_proposed_value_lies_in_its_range(open_engine: Open, sampler: str) -> None:
    trials = run(open_engine(sampler=sampler), 14)
    assert {trial.origin for trial in trials} == {*POINTS, sampler}
    for trial in trials:
        assert set(trial.params) == set(PLAN.space)
        for name, value in trial.params.items():
            assert value in PLAN.space[name], name
    sampled = [trial.params["lstm.dropout"] for trial in trials[len(POINTS) :]]
    assert len(set(sampled)) == len(sampled)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("n", [6, 14])  # TPE draws at random until it has 10 trials
def test_a_study_in_two_sessions_proposes_what_one_session_proposes(
    open_engine: Open, tmp_path: Path, sampler: str, n: int
) -> None:
    at_once = run(
        OptunaEngine(
            tmp_path / "other.db", PLAN.name, "1", PLAN, seed=7, sampler=sampler, pruner="median"
        ),
        n,
    )
    halves = run(open_engine(sampler=sampler), n // 2)
    halves += run(open_engine(sampler=sampler), n - n // 2)
    assert proposals(halves) == proposals(at_once)
    assert len({trial.seed for trial in at_once}) == n


def test_an_attempt_that_was_cut_short_is_asked_again_before_anything_else(
    open_engine: Open,
) -> None:
    for done in (0, len(POINTS) + 1):  # a starting point, and one of the sampler's
        engine = open_engine(plan=_named(f"after-{done}"))
        run(engine, done)
        cut_short = engine.ask()
        engine.tell(cut_short.number, "failed", None, void=True)
        assert engine.n_finished() == done
        again = engine.ask()
        assert again.number == cut_short.number + 1
        assert proposals([again]) == proposals([cut_short])
        engine.tell(again.number, "complete", 0.8, void=False)
        assert engine.n_finished() == done + 1


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


def test_pruned_and_failed_trials_count_as_finished_and_are_not_asked_again(
    open_engine: Open,
) -> None:
    engine = open_engine()
    for state in ("pruned", "failed"):
        engine.tell(engine.ask().number, state, None, void=False)
    assert engine.n_finished() == 2
    assert engine.ask().origin == POINTS[2]


@pytest.mark.parametrize("found", ["nothing", "running", "void"])
def test_a_trial_left_running_without_a_recorded_outcome_is_asked_again(
    open_engine: Open, database: Path, found: str
) -> None:
    engine = open_engine()
    run(engine, 1)
    killed = engine.ask()
    recorded = {
        "nothing": {},
        "running": {killed.number: record(killed, "running", None, void=False)},
        "void": {killed.number: record(killed, "failed", None, void=True)},
    }[found]
    engine = open_engine()
    engine.reconcile(recorded)
    assert states(database) == ["COMPLETE", "FAIL"]
    assert engine.n_finished() == 1
    assert proposals([engine.ask()]) == proposals([killed])


@pytest.mark.parametrize(
    ("state", "accuracy", "told"),
    [
        ("complete", 0.871234567891234, "COMPLETE"),
        ("pruned", None, "PRUNED"),
        ("failed", None, "FAIL"),
    ],
)
def test_a_trial_left_running_is_told_the_outcome_that_was_recorded(
    open_engine: Open, database: Path, state: State, accuracy: float | None, told: str
) -> None:
    killed = open_engine().ask()
    engine = open_engine()
    engine.reconcile({killed.number: record(killed, state, accuracy, void=False)})
    (trial,) = in_optuna(database)
    assert (trial.state.name, trial.value) == (told, accuracy)
    assert engine.n_finished() == 1
    assert engine.ask().origin == POINTS[1]


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
        if engine.should_prune(asked.number, epoch(number, accuracy)):
            engine.tell(asked.number, "pruned", None, void=False)
            return number
    engine.tell(asked.number, "complete", max(accuracies), void=False)
    return None


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
    for sampler in SAMPLERS:
        assert open_engine(plan=_named(sampler), sampler=sampler).ask().origin == "defaults"
    for pruner in PRUNERS:
        assert open_engine(plan=_named(pruner), pruner=pruner).ask().origin == "defaults"
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


def test_records_of_trials_that_optuna_does_not_know_are_refused(open_engine: Open) -> None:
    with pytest.raises(UserError, match="--fresh"):
        open_engine().reconcile({3: build_trial(3, 0.8)})


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
