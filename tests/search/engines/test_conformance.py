"""What every engine does, with each of its samplers: proposals are a function of the history.

Training is a stand-in: an accuracy that the values alone decide. Nothing here looks inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.engines.base import Engine, derive
from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine
from search.engines.names import ENGINES
from search.engines.optuna.optuna_engine import OptunaEngine
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, check
from spaces.studies import STUDIES
from spaces.text import TEXT, VECTORS
from tests.histories import begun, ended, run, run_three_at_once
from tests.plans import DROPOUT
from tracking.records import TrialRecord

PLAN = DROPOUT
POINTS = list(PLAN.initial_trials())
METHODS = [(engine, sampler) for engine, offer in ENGINES.items() for sampler in offer.samplers]

_ONLY = Choice(options=("pre", "post"), default="pre", note="")
SMALL = replace(
    STUDIES["cnn"].with_max_epochs(9),
    references=(),
    space={**STUDIES["cnn"].with_max_epochs(9).space, "text.truncating": _ONLY},
    searched=("text.truncating", "cnn.n_kernels", "cnn.output_dropout", "train.epochs"),
)
GRID = replace(SMALL, searched=("text.truncating", "cnn.n_kernels"))  # 8 points
Make = Callable[..., Engine]


@pytest.fixture(params=METHODS, ids="-".join)
def method(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture
def make(method: tuple[str, str]) -> Make:
    """Make the engine, which knows nothing of one that was made before."""
    return partial(engine_of, method)


def engine_of(method: tuple[str, str], plan: StudyPlan = PLAN) -> Engine:
    engine, sampler = method
    if engine == "keras-tuner":
        return KerasTunerEngine(plan, seed=7, sampler=sampler)
    return OptunaEngine(plan, seed=7, sampler=sampler, pruner="none")


def identity(trial: TrialRecord) -> str:
    return f"{trial.seed} {sorted(trial.params.items())}"


def test_the_initial_trials_come_first_in_their_order_and_then_the_sampler(
    make: Make, method: tuple[str, str]
) -> None:
    trials = run(make, len(POINTS) + 3)
    assert [trial.number for trial in trials] == list(range(len(POINTS) + 3))
    assert [trial.proposed_by for trial in trials[: len(POINTS)]] == POINTS
    expected = [dict(params) for params in PLAN.initial_trials().values()]
    assert [dict(trial.params) for trial in trials[: len(POINTS)]] == expected
    # A grid begins with the defaults, which are finished by then.
    assert {trial.proposed_by for trial in trials[len(POINTS) :]} <= {method[1], "rerun-of-0"}


def test_a_study_that_is_stopped_before_every_proposal_has_the_trials_of_one_that_is_not(
    make: Make, method: tuple[str, str]
) -> None:
    plan = GRID if method[1] == "grid" else SMALL
    n_trials = {"hyperband": 40, "bayesian": 17, "grid": 1 + 8, "nsga2": 40}.get(method[1], 24)
    whole, stopped = (run_three_at_once(lambda: make(plan), n_trials, stops=s) for s in (0, 1))
    assert whole == stopped
    assert [trial.number for trial in whole] == list(range(n_trials))
    assert len({identity(trial) for trial in whole}) == n_trials
    for trial in whole:
        check(plan.space, trial.params, of="proposal")


def test_an_initial_trial_that_failed_is_not_proposed_again_and_failures_end_no_study(
    make: Make,
) -> None:
    history: list[TrialRecord] = []
    for number in range(8):
        proposal = make().propose(history)
        assert proposal is not None
        state = ("failed", "pruned", "complete")[number % 3]  # the last was edited: no score
        history.append(ended(begun(proposal), None, state))
    assert [trial.proposed_by for trial in history[: len(POINTS)]] == POINTS
    assert [trial.number for trial in history] == list(range(8))


def test_a_trial_that_was_deleted_leaves_a_gap_in_which_nothing_collides(make: Make) -> None:
    whole = run(lambda: make(SMALL), 14)
    history = [trial for trial in whole if trial.number not in (0, 4, 5, 9)]
    for _ in range(3):
        proposal = make(SMALL).propose(history)
        assert proposal is not None
        assert proposal.number == history[-1].number + 1
        history.append(ended(begun(proposal), 0.7))
    assert len({identity(trial) for trial in [*whole, *history[-3:]]}) == 17


def test_values_of_a_finished_trial_get_a_fresh_seed_and_its_number(
    make: Make, method: tuple[str, str]
) -> None:
    trials = run(lambda: make(replace(SMALL, searched=("text.truncating",))), 6)
    assert len(trials) == (6 if method[0] == "optuna" else {"grid": 3}.get(method[1], 2))
    first: dict[object, int] = {}
    for trial in trials:
        number = first.setdefault(trial.params["text.truncating"], trial.number)
        assert (trial.proposed_by == f"rerun-of-{number}") == (number != trial.number)
    assert len({trial.seed for trial in trials}) == len(trials)


def test_a_study_goes_on_within_other_ranges_and_with_a_new_hyperparameter(make: Make) -> None:
    trials = run(lambda: make(SMALL), 12)
    history = [
        replace(t, params={n: v for n, v in t.params.items() if n != "cnn.output_dropout"})
        for t in trials
    ]
    narrow = SMALL.with_max_epochs(3)
    only = {
        "text.truncating": Choice(options=("post", "mid"), default="post", note=""),
        "cnn.n_kernels": Float(low=1.5, high=2.5, default=2.0, note="", log=True),
    }
    narrow = replace(narrow, space={**narrow.space, **only})
    for _ in range(4):
        proposal = make(narrow).propose(history)
        assert proposal is not None
        check(narrow.space, proposal.params, of="proposal")
        history.append(ended(begun(proposal), 0.8))


def test_nothing_is_learned_from_trials_outside_of_the_ranges(
    make: Make, method: tuple[str, str]
) -> None:
    trials = run(lambda: make(SMALL), 24)
    found = sorted(float(trial.params["cnn.output_dropout"]) for trial in trials)
    low, high = found[0], found[len(found) // 2]
    plan = SMALL.with_ranges({"cnn.output_dropout": Float(low, high, default=low)})
    inside = [plan.values_of(trial.family, trial.params) is not None for trial in trials]
    assert 0 < sum(inside) < len(trials)

    def proposed(better: bool, *, when: bool) -> object:
        history = [
            ended(trial, 0.99 - number / 100 if better else 0.5 + number / 100)
            if is_inside == when
            else trial
            for number, (trial, is_inside) in enumerate(zip(trials, inside, strict=True))
        ]
        return make(plan).propose(history)

    assert proposed(True, when=False) == proposed(False, when=False)
    if method in {("optuna", "tpe"), ("keras-tuner", "bayesian")}:
        assert proposed(True, when=True) != proposed(False, when=True)


def test_a_family_that_is_added_is_proposed_beside_what_was_learned_of_the_first(
    make: Make, method: tuple[str, str]
) -> None:
    history = run(lambda: make(SMALL), 12)
    plan = SMALL.with_families(("cnn", "feedforward"))
    families = set()
    for _ in range(12):
        proposal = make(plan).propose(history)
        if proposal is None:
            assert method[1] in ("grid", "hyperband")
            break
        check(plan.space_for(plan.family(proposal.params)), proposal.params, of="proposal")
        families.add(plan.family(proposal.params))
        history.append(ended(begun(proposal), 0.8))
    # A Gaussian process that has seen the new one do better may stay with it.
    assert families >= {"feedforward"}
    assert families == {"cnn", "feedforward"} or method == ("keras-tuner", "bayesian")
    only = SMALL.with_families(("feedforward",))
    proposal = make(only).propose(history)
    assert proposal is not None
    assert only.family(proposal.params) == "feedforward"


def test_a_study_goes_on_with_what_other_samplers_have_left() -> None:
    history: list[TrialRecord] = []
    for method in METHODS * 2:
        proposal = engine_of(method, SMALL).propose(history)
        assert proposal is not None
        history.append(ended(begun(proposal), 0.8))
    assert [trial.number for trial in history] == list(range(2 * len(METHODS)))


def test_nothing_is_pruned_without_a_pruner(make: Make) -> None:
    engine, history = make(), run(make, 6)
    poor = replace(history[-1], state="running", epochs=history[0].epochs, score=None)
    assert engine.should_prune(poor, history) is None
    assert engine.promote(history) is None
    assert engine.first_rung is None
    assert not any(engine.may_go_on(replace(poor, state=state)) for state in ("pruned", "failed"))


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
def dependent(draw: st.DrawFn, prefix: str, space: dict[str, Range]) -> Range:
    """Any range; some are there only with some options of an earlier one of the same family."""
    range_ = draw(RANGES)
    before = [n for n in space if n.startswith(f"{prefix}.") and isinstance(space[n], Choice)]
    if not before or draw(st.booleans()):
        return range_
    other = draw(st.sampled_from(before))
    parent = space[other]
    assert isinstance(parent, Choice)
    wanted = parent.options[: draw(st.integers(1, len(parent.options)))]
    return replace(range_, when=((other, wanted),))


@st.composite
def conditional_plans(draw: st.DrawFn) -> StudyPlan:
    """Any study over two or three families, some of whose ranges are searched, or depend."""
    families = ("cnn", "gru", "ngram")[: draw(st.integers(2, 3))]
    choice = Choice(options=families, default=families[0], note="")
    space: dict[str, Range] = {FAMILY: choice, "train.epochs": PLAN.space["train.epochs"]}
    for prefix in ("text", *families):
        for number in range(draw(st.integers(0 if prefix == "text" else 1, 3))):
            space[f"{prefix}.p{number}"] = draw(dependent(prefix, space))
    if draw(st.booleans()):  # what some families have, and others have not
        space[VECTORS] = TEXT[VECTORS]
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
def test_a_proposal_has_exactly_the_parameters_of_its_family_that_are_active_each_in_its_range(
    plan: StudyPlan, make: Make
) -> None:
    for trial in run(lambda: make(plan), 8):  # the grid of a small space has an end
        space = plan.space_for(str(trial.params[FAMILY]))
        assert set(trial.params) == {n for n in space if plan.is_active(n, trial.params)}
        check(space, trial.params, of="proposal")
