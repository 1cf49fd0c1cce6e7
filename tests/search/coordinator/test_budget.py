"""What ends a study: trials, time, patience; and a trial for which there is no time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.coordinator.budget import Budget
from search.datasets.batches import Ragged
from search.datasets.cache import Dataset
from spaces.plan import StudyPlan
from spaces.ranges import Params
from tests.builders import build_epochs, build_trial
from tests.plans import DROPOUT
from tracking.records import EpochRecord, TrialRecord

PLAN = DROPOUT


class TenTexts(Dataset):
    """Stands in for a prepared data set: ten texts of a thousand tokens, on no disk."""

    def tokens(self, part: str) -> Ragged:
        return Ragged(np.zeros(10_000, np.int32), np.arange(11) * 1_000)


DATA = TenTexts("ten", "", False, ("a", "b"), "d", "s", {"train": 10}, folder=Path("none"))


def budget(plan: StudyPlan, *trials: TrialRecord, spent: float = 0.0) -> Budget:
    return Budget(plan, DATA, spent, trials)


def proposed(number: int, accuracy: float | None, **changes: object) -> TrialRecord:
    state = "pruned" if accuracy is None else "complete"
    return build_trial(number, accuracy or 0.5, proposed_by="tpe", **{"state": state, **changes})


def patient(n: int) -> StudyPlan:
    return replace(PLAN.with_budget(100, None), patience=n)


def test_patience_counts_proposals_in_a_row_that_brought_nothing_better() -> None:
    trials = [proposed(0, 0.80), proposed(1, 0.80), proposed(2, None), proposed(3, 0.79)]
    assert budget(patient(3)).met(4, trials)
    assert not budget(patient(4)).met(4, trials)
    assert not budget(patient(3)).met(5, [*trials, proposed(4, 0.81)])
    assert not budget(replace(patient(3), patience=None)).met(4, trials)


def test_initial_trials_and_those_under_way_do_not_count_for_patience() -> None:
    points = [build_trial(n, 0.8, proposed_by=o) for n, o in enumerate(PLAN.initial_trials())]
    under_way = [proposed(8, None, state="running"), proposed(9, None, state="interrupted")]
    assert not budget(patient(1)).met(3, [*points, *under_way])
    assert budget(patient(1)).met(4, [*points, *under_way, proposed(10, 0.7)])


def measured(seconds: float, maxlen: int) -> TrialRecord:
    """A trial whose first epoch took long, as it does, and the others these seconds."""
    first, *rest = build_epochs(0.7, 0.8, 0.8)
    rest = [replace(epoch, seconds=seconds) for epoch in rest]
    params = {**PLAN.complete({}), "text.maxlen": maxlen}
    return build_trial(0, params=params, epochs=(replace(first, seconds=99.0), *rest))


def asked(maxlen: int, epochs: int) -> tuple[str, Params]:
    """Family and hyperparameters of a trial."""
    values = {"text.maxlen": maxlen, "train.epochs": epochs, "train.patience": 2}
    return "lstm", PLAN.complete(values)


@pytest.mark.parametrize(
    ("left", "maxlen", "epochs", "lacking"),
    [
        (31.0, 100, 3, 0.0),  # three epochs of ten seconds
        (25.0, 100, 3, 5.0),
        (25.0, 100, 15, 5.0),  # early stopping may come after three
        (25.0, 100, 2, 0.0),
        (25.0, 200, 2, 15.0),  # twice the tokens
        (25.0, 2_000, 1, 75.0),  # no text has more than a thousand
    ],
)
def test_a_trial_is_held_to_the_fastest_training_that_was_measured(
    left: float, maxlen: int, epochs: int, lacking: float
) -> None:
    plan = PLAN.with_budget(None, 600.0)
    of_study = budget(plan, measured(10.0, 100), spent=600.0 - left)
    assert of_study.lacking(*asked(maxlen, epochs)) == pytest.approx(lacking, abs=0.5)


def test_what_was_never_measured_is_tried() -> None:
    plan = PLAN.with_budget(None, 600.0)
    assert budget(plan, spent=599.0).lacking(*asked(2_000, 15)) == 0.0
    first_epoch_only = replace(measured(10.0, 100), epochs=measured(10.0, 100).epochs[:1])
    assert budget(plan, first_epoch_only, spent=599.0).lacking(*asked(2_000, 15)) == 0.0


def test_a_faster_epoch_of_this_session_counts_from_then_on() -> None:
    of_study = budget(PLAN.with_budget(None, 600.0), measured(10.0, 100), spent=590.0)
    assert of_study.lacking(*asked(100, 3)) == pytest.approx(20.0, abs=0.5)
    of_study.note_epoch(*asked(100, 3), EpochRecord(2, 0.5, 0.8, 0.6, 0.8, 1e-3, 1.0, 500.0))
    assert of_study.lacking(*asked(100, 3)) == 0.0


def test_without_a_time_limit_nothing_is_lacking() -> None:
    assert budget(PLAN.with_budget(9, None), measured(10.0, 100)).lacking(*asked(900, 15)) == 0.0
