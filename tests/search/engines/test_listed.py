"""A list of configurations: gone through in turn, on seeds that no stop changes."""

from __future__ import annotations

from dataclasses import replace

from search.engines import Asked
from search.engines.listed import ListedEngine
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tests.builders import build_trial
from tracking.records import State, TrialRecord


def record(asked: Asked, state: State, *, void: bool) -> TrialRecord:
    """What was recorded of a trial that took a second."""
    return build_trial(
        asked.number,
        params=asked.params,
        origin=asked.origin,
        seed=asked.seed,
        state=state,
        void=void,
        score=None,
        seconds=1.0,
    )


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
        record(whole, "complete", void=False),
        record(cut, "failed", void=True),
    ]
    second = listed(plan, recorded)
    again = second.ask()
    assert (again.number, again.origin, again.seed) == (2, cut.origin, cut.seed)
    assert (second.n_finished(), second.seconds_spent()) == (1, 2.0)


def test_what_was_trained_for_the_whole_list_counts_for_a_part_of_it_and_more_is_added() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2016",))
    asked = listed(plan, []).ask()
    done = record(asked, "complete", void=False)
    assert listed(plan, [done]).n_finished() == 1
    more = listed(replace(plan, repeats=3), [done])
    assert (more.n_finished(), more.ask().origin) == (1, "lstm-2016")


def test_side_by_side_no_training_is_asked_for_twice() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2016", "cnn-lstm-2016"), repeats=2)
    engine = ListedEngine(plan, seed=7)
    asked = [engine.ask() for _ in range(4)]
    assert len({(one.origin, one.seed) for one in asked}) == 4
    assert len({one.origin for one in asked[:2]}) == 2
    engine.tell(asked[0].number, "failed", None, void=True)
    again = engine.ask()
    assert (again.origin, again.seed) == (asked[0].origin, asked[0].seed)
