"""What a study of records says of itself."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import build_score, build_study, build_trial
from tracking.records import TrialRecord


def sized(number: int, accuracy: float, n_parameters: int) -> TrialRecord:
    trial = build_trial(number, accuracy)
    return replace(trial, score=build_score(trial.epochs, n_parameters=n_parameters))


def test_the_front_is_what_no_other_beats_in_accuracy_without_more_parameters() -> None:
    trials = [
        sized(0, 0.80, 100),
        sized(1, 0.90, 900),
        sized(2, 0.85, 500),
        sized(3, 0.84, 600),  # larger and worse than trial 2
        sized(4, 0.90, 900),  # the same as trial 1, later
        sized(5, 0.80, 50),  # as good as trial 0, and smaller
        build_trial(6, state="pruned"),
    ]
    assert [trial.number for trial in build_study(*trials).front] == [1, 2, 5]
    assert build_study().front == []
