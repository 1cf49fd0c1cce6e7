"""What every engine does, with each of its samplers: the order, the budget, no stop that shows.

Training is a stand-in: an accuracy that the values alone decide. Nothing here looks inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.engines import Asked, Engine, derive
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.names import ENGINES
from search.engines.optuna import OptunaEngine
from search.engines.remembered import told
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, check
from spaces.studies import STUDIES
from tests.builders import build_score, build_trial
from tracking.cli import UserError
from tracking.records import State, TrialRecord

PLAN = STUDIES["lstm_dropout"]
POINTS = list(PLAN.starting_points())
METHODS = [(engine, sampler) for engine, offer in ENGINES.items() for sampler in offer.samplers]
Open = Callable[..., Engine]
# What no sampler has a say in is tried with one of each engine's.
ONE_OF_EACH = pytest.mark.parametrize(
    "method", [("optuna", "tpe"), ("keras-tuner", "hyperband")], indirect=True, ids="-".join
)


def opened(
    root: Path | None,
    engine: str,
    sampler: str,
    plan: StudyPlan = PLAN,
    *,
    owner: str = "1",
    pruner: str = "none",
) -> Engine:
    """Open an engine on the files in a folder, or in memory."""
    if engine == "keras-tuner":
        file = root / "keras_tuner" / f"{plan.name}.jsonl" if root else None
        return KerasTunerEngine(file, owner, plan, seed=7, sampler=sampler)
    database = root / "optuna.db" if root else None
    return OptunaEngine(database, plan.name, owner, plan, seed=7, sampler=sampler, pruner=pruner)


@pytest.fixture(params=METHODS, ids="-".join)
def method(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture
def session(tmp_path: Path, method: tuple[str, str]) -> Open:
    """Open the engine as `search.run` does; a second call is a second session."""

    def session(plan: StudyPlan = PLAN, **changes: str) -> Engine:
        return opened(tmp_path, *method, plan, **changes)

    return session


def accuracy_of(asked: Asked) -> float:
    """Stands in for training: any number that the values alone decide."""
    return derive(0, hash(tuple(sorted(asked.params.items()))), "accuracy") / 2**31


def finish(engine: Engine, asked: Asked) -> None:
    engine.tell(asked.number, "complete", accuracy_of(asked), void=False, n_parameters=100)


def run(engine: Engine, n: int) -> list[Asked]:
    """Ask and tell n complete trials."""
    done = []
    for _ in range(n):
        asked = engine.ask()
        assert asked is not None
        finish(engine, asked)
        done.append(asked)
    return done


def ask(engine: Engine) -> Asked:
    asked = engine.ask()
    assert asked is not None
    return asked


def proposals(trials: list[Asked]) -> list[tuple[object, ...]]:
    return [(dict(trial.params), trial.seed) for trial in trials]


def recorded(asked: Asked, state: State, *, void: bool = False) -> TrialRecord:
    epochs = build_trial(0).epochs
    score = replace(build_score(epochs), val_accuracy=accuracy_of(asked), n_parameters=100)
    return build_trial(
        asked.number,
        params=asked.params,
        origin=asked.origin,
        seed=asked.seed,
        state=state,
        void=void,
        score=score if state == "complete" else None,
    )


def test_the_starting_points_come_first_in_their_order_and_then_the_sampler(
    session: Open, method: tuple[str, str]
) -> None:
    trials = run(session(), len(POINTS) + 3)
    assert [trial.number for trial in trials] == list(range(len(POINTS) + 3))
    origins = [trial.origin for trial in trials]
    assert origins[: len(POINTS)] == POINTS
    # A grid begins with the defaults, which are finished by then.
    assert set(origins[len(POINTS) :]) <= {method[1], "repeat-of-0"}
    expected = [dict(params) for params in PLAN.starting_points().values()]
    assert [dict(trial.params) for trial in trials[: len(POINTS)]] == expected


def test_every_proposal_has_exactly_the_parameters_of_its_family_each_in_its_range(
    session: Open, method: tuple[str, str]
) -> None:
    plan = STUDIES["architecture"]
    for trial in run(session(plan), 20):
        space = plan.space_for(plan.family(trial.params))
        assert set(trial.params) == set(space)
        check(space, trial.params, of="proposal")


def test_40_trials_with_three_interruptions_are_exactly_40_and_those_of_no_interruption(
    tmp_path: Path, method: tuple[str, str]
) -> None:
    plan = replace(PLAN, searched=("lstm.units", "lstm.dropout"))
    n = 40
    (tmp_path / "whole").mkdir()
    whole = run(opened(tmp_path / "whole", *method, plan), n)
    stopped: list[Asked] = []
    records: dict[int, TrialRecord] = {}
    for until in (n // 4, n // 2, 3 * n // 4, n):
        engine = opened(tmp_path, *method, plan)
        engine.reconcile(records)
        while engine.n_finished() < until:
            asked = ask(engine)
            if until != n and engine.n_finished() == until - 1 and asked.number % 2:
                break  # killed while it ran, without a word
            finish(engine, asked)
            records[asked.number] = recorded(asked, "complete")
            stopped.append(asked)
    assert engine.n_finished() == n == len(stopped)
    assert proposals(stopped) == proposals(whole)
    attempts = told(tmp_path, method[0], "1")
    assert sum(not attempt.void for attempt in attempts.values()) == n
    assert {attempt.state for attempt in attempts.values() if not attempt.void} == {"complete"}


def test_no_two_trials_of_a_study_share_values_and_seed(
    session: Open, method: tuple[str, str]
) -> None:
    n = 20
    trials = run(session(), n)
    assert len({str(sorted(t.params.items())) + str(t.seed) for t in trials}) == n
    if method[1] != "hyperband":  # what it promotes is trained on, so keeps its seed
        assert len({trial.seed for trial in trials}) == n


@ONE_OF_EACH
@pytest.mark.parametrize("done", [0, len(POINTS) + 2])
def test_an_attempt_that_was_cut_short_is_asked_again_before_anything_else(
    session: Open, done: int
) -> None:
    engine = session()
    run(engine, done)
    cut_short = ask(engine)
    engine.tell(cut_short.number, "failed", None, void=True)
    assert engine.n_finished() == done
    for _ in range(2):  # it is killed again, each time in a session of its own
        again = ask(session())
        assert proposals([again]) == proposals([cut_short])
        assert again.origin == cut_short.origin
        session().reconcile({})
    engine = session()
    again = ask(engine)
    assert again.number == cut_short.number + 3
    finish(engine, again)
    assert engine.n_finished() == done + 1
    assert proposals([ask(engine)]) != proposals([cut_short])


@ONE_OF_EACH
def test_pruned_and_failed_trials_count_as_finished_and_are_not_asked_again(
    session: Open,
) -> None:
    engine = session()
    engine.tell(ask(engine).number, "failed", None, void=False)
    engine.tell(ask(engine).number, "pruned", None, void=False)
    assert engine.n_finished() == 2
    assert ask(session()).origin == POINTS[2]


@ONE_OF_EACH
def test_more_failures_in_a_row_than_a_tuner_bears_do_not_end_a_study(session: Open) -> None:
    engine = session()
    for _ in range(8):
        engine.tell(ask(engine).number, "failed", None, void=False)
    assert engine.n_finished() == 8
    assert engine.ask() is not None


@ONE_OF_EACH
@pytest.mark.parametrize("state", ["complete", "pruned", "failed"])
def test_a_trial_left_running_is_told_the_outcome_that_was_recorded(
    session: Open, tmp_path: Path, method: tuple[str, str], state: State
) -> None:
    killed = ask(session())
    engine = session()
    engine.reconcile({killed.number: recorded(killed, state)})
    (attempt,) = told(tmp_path, method[0], "1").values()
    expected = accuracy_of(killed) if state == "complete" else None
    assert (attempt.state, attempt.void, attempt.value) == (state, False, expected)
    assert engine.n_finished() == 1
    assert ask(engine).origin == POINTS[1]


@ONE_OF_EACH
@pytest.mark.parametrize("found", ["nothing", "running", "void"])
def test_a_trial_left_running_without_a_recorded_outcome_is_asked_again(
    session: Open, tmp_path: Path, method: tuple[str, str], found: str
) -> None:
    engine = session()
    run(engine, 1)
    killed = ask(engine)
    record = recorded(killed, "running" if found == "running" else "failed", void=found == "void")
    engine = session()
    engine.reconcile({} if found == "nothing" else {killed.number: record})
    states = [(a.state, a.void) for a in told(tmp_path, method[0], "1").values()]
    assert states == [("complete", False), ("failed", True)]
    assert engine.n_finished() == 1
    assert proposals([ask(engine)]) == proposals([killed])


def test_adopted_trials_go_on_and_what_is_proposed_then_is_as_without_a_kill(
    tmp_path: Path, method: tuple[str, str]
) -> None:
    def search(root: Path, *, killed: bool) -> list[Asked]:
        root.mkdir()
        engine = opened(root, *method, pruner="median")
        run(engine, len(POINTS))
        one, other = ask(engine), ask(engine)
        engine.should_prune(one.number, 1, 0.5)
        if killed:
            engine = opened(root, *method, pruner="median")
            assert engine.adopt(one)
            assert engine.adopt(other)
            engine.reconcile({})
            assert [a.state for a in told(root, method[0], "1").values()][-2:] == ["running"] * 2
            engine.should_prune(one.number, 1, 0.5)  # its epoch comes once more
        finish(engine, other)
        finish(engine, one)
        assert engine.n_finished() == len(POINTS) + 2
        return [one, other, *run(engine, 3)]

    killed = search(tmp_path / "killed", killed=True)
    assert proposals(killed) == proposals(search(tmp_path / "whole", killed=False))
    assert len({trial.number for trial in killed}) == 5


@ONE_OF_EACH
def test_a_trial_that_is_not_under_way_just_so_is_not_adopted(session: Open) -> None:
    engine = session()
    (finished,) = run(engine, 1)
    asked = ask(engine)
    name = next(iter(PLAN.searched_for(asked.params)))
    engine = session()
    assert not engine.adopt(finished)
    assert not engine.adopt(replace(asked, number=asked.number + 1))
    assert not engine.adopt(replace(asked, seed=asked.seed + 1))
    assert not engine.adopt(replace(asked, params={**asked.params, name: None}))
    engine.reconcile({})
    assert proposals([ask(engine)]) == proposals([asked])


@ONE_OF_EACH
def test_records_of_trials_that_the_engine_does_not_know_are_refused(session: Open) -> None:
    with pytest.raises(UserError, match="--fresh"):
        session().refuse_unknown({3})


@ONE_OF_EACH
def test_the_study_of_another_owner_is_put_aside_and_not_lost(
    session: Open, tmp_path: Path, method: tuple[str, str]
) -> None:
    run(session(owner="1"), 2)
    engine = session(owner="2")
    assert engine.n_finished() == 0
    assert ask(engine).origin == "defaults"
    assert len(told(tmp_path, method[0], "1")) == 2
    assert len(told(tmp_path, method[0], "2")) == 1


@ONE_OF_EACH
def test_what_is_told_of_a_study_is_what_was_asked_and_told(
    session: Open, tmp_path: Path, method: tuple[str, str]
) -> None:
    trials = run(session(), 6)
    attempts = told(tmp_path, method[0], "1")
    assert list(attempts) == [trial.number for trial in trials]
    for trial in trials:
        attempt = attempts[trial.number]
        assert (attempt.origin, attempt.seed) == (trial.origin, trial.seed)
        assert attempt.value == accuracy_of(trial)
        assert attempt.params.items() <= trial.params.items()
        assert set(PLAN.searched) <= set(attempt.params)
    assert told(tmp_path, method[0], "another") == {}


@ONE_OF_EACH
def test_the_time_that_was_spent_is_remembered_between_sessions(session: Open) -> None:
    engine = session()
    assert engine.seconds_spent() == 0
    engine.spend(61.5)
    assert session().seconds_spent() == 61.5


def test_a_duplicate_of_a_finished_trial_says_so_and_gets_a_fresh_seed(
    session: Open, method: tuple[str, str]
) -> None:
    only = Choice(options=("pre", "post"), default="pre", note="two values, so that they repeat")
    space = {**PLAN.space, "text.truncating": only}
    plan = replace(PLAN, space=space, searched=("text.truncating",), references=())
    engine = session(plan)
    trials = []
    while len(trials) < 6 and (asked := engine.ask()) is not None:
        finish(engine, asked)
        trials.append(asked)
    assert len(trials) >= 2
    for earlier, later in ((a, b) for b in trials for a in trials if a.number < b.number):
        if later.params == earlier.params:
            assert later.origin.startswith("repeat-of-")
            assert later.seed != earlier.seed
    if method[0] == "optuna":
        assert sum(trial.origin.startswith("repeat-of-") for trial in trials) == 4


@ONE_OF_EACH
def test_a_starting_point_is_never_pruned(session: Open) -> None:
    """They are what the rest is held against, and a slow family must not fall to a fast one."""
    engine = session(STUDIES["architecture"])
    for number in range(len(STUDIES["architecture"].starting_points())):
        asked = ask(engine)
        for n in range(1, 6):
            assert not engine.should_prune(asked.number, n, 0.9 - number / 50)
        engine.tell(asked.number, "complete", 0.9, void=False, n_parameters=100)


RANGES: st.SearchStrategy[Range] = st.one_of(
    st.builds(
        lambda low, width, log: Float(low=low, high=low + width, default=low, note="", log=log),
        st.floats(1e-3, 10),
        st.floats(1e-3, 10),
        st.booleans(),
    ),
    st.builds(
        lambda low, width, log: Int(low=low, high=low + width, default=low, note="", log=log),
        st.integers(1, 100),
        st.integers(0, 1_000),
        st.booleans(),
    ),
    st.builds(
        lambda options: Choice(options=tuple(options), default=options[0], note=""),
        st.lists(
            st.one_of(
                st.booleans(), st.integers(2, 9), st.floats(0.1, 0.9), st.text("ab", min_size=1)
            ),
            min_size=1,
            max_size=4,
            unique_by=str,
        ),
    ),
)


@st.composite
def conditional_plans(draw: st.DrawFn) -> StudyPlan:
    """Any study over two or three families, some of whose ranges are searched."""
    families = ("cnn", "gru", "ngram")[: draw(st.integers(2, 3))]
    choice = Choice(options=families, default=families[0], note="")
    space: dict[str, Range] = {FAMILY: choice, "train.epochs": PLAN.space["train.epochs"]}
    for prefix in ("text", *families):
        for number in range(draw(st.integers(0 if prefix == "text" else 1, 3))):
            space[f"{prefix}.p{number}"] = draw(RANGES)
    searched = [name for name in space if name != FAMILY and draw(st.booleans())]
    return StudyPlan(
        name="any",
        question="",
        space=space,
        searched=(FAMILY, *searched),
        references=(),
        n_trials=None,
        timeout=None,
        seconds_per_million_tokens=1.0,
    )


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=conditional_plans())
def test_a_parameter_of_an_inactive_branch_never_reaches_a_trial(
    plan: StudyPlan, method: tuple[str, str]
) -> None:
    engine = opened(None, *method, plan)
    for _ in range(8):
        asked = engine.ask()
        if asked is None:
            break  # the grid of a small space has an end
        space = plan.space_for(str(asked.params[FAMILY]))
        assert set(asked.params) == set(space)
        check(space, asked.params, of="proposal")
        finish(engine, asked)
