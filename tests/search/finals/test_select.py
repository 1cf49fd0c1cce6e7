"""Whom finals train again."""

from __future__ import annotations

from search.finals.select import finalists
from tests.builders import build_study, build_trial


def test_the_same_values_on_another_seed_or_for_more_epochs_are_no_second_finalist() -> None:
    values = {"lstm.units": 64, "train.epochs": 3}
    study = build_study(
        build_trial(0, 0.80, params=values, origin="hyperband"),
        build_trial(1, 0.84, params={**values, "train.epochs": 9}, origin="promoted-from-0"),
        build_trial(2, 0.83, params=values, origin="repeat-of-0"),
        build_trial(3, 0.82, params={**values, "lstm.units": 32}, origin="hyperband"),
    )
    best = [one.of for one in finalists(study, 3) if one.role == "finalist"]
    assert best == [1, 3]
