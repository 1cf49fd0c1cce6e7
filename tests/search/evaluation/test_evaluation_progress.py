"""What a person sees while finalists are trained: lines, an estimate, and a live line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from search.evaluation import evaluation_progress
from search.evaluation.evaluation_progress import EvaluationProgress
from search.evaluation.finalists import Finalist
from search.evaluation.reruns import Seed
from search.training.failures import TrialFailed
from tests.builders import build_epochs, build_score


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed, to be set by a test."""
    now = [0.0]
    monkeypatch.setattr(evaluation_progress.time, "monotonic", lambda: now[0])
    return now


def seeds(n: int, seconds: float | None = 100.0) -> list[Seed]:
    one = Finalist("finalist", 7, "trial 7 (tpe)", "lstm", {}, seconds, None)
    return [Seed(one, index) for index in range(n)]


def test_each_training_and_each_epoch_is_a_line_where_nobody_watches(clock: list[float]) -> None:
    output = io.StringIO()
    epochs = build_epochs(0.9)
    first, second = seeds(2)
    with EvaluationProgress(Console(file=output, width=200), [first, second], 1) as shown:
        shown.seed_begins(first)
        shown.epoch_ends(first, epochs[0])
        clock[0] = 50.0
        shown.seed_ends(first, build_score(epochs))
        shown.seed_begins(second)
        shown.seed_ends(second, TrialFailed("loss became nan in epoch 1"))
    assert output.getvalue().splitlines() == [
        "training 1 of 2: trial 7 (tpe), seed 1",
        "  trial 7 (tpe), seed 1, epoch 1: train 93.00 %, validation 90.00 %, 20 s; "
        "about 3 min 20 s left",
        "trial 7 (tpe), seed 1: 90.00 % on validation, 50 s",
        "training 2 of 2: trial 7 (tpe), seed 2",
        "trial 7 (tpe), seed 2: failed: loss became nan in epoch 1, 0 s",
    ]


def test_the_estimate_learns_from_what_trainings_took_and_counts_the_workers(
    clock: list[float],
) -> None:
    chosen = seeds(5)
    for n_workers, said in ((1, "about 8 min 20 s left"), (2, "about 4 min 10 s left")):
        assert EvaluationProgress(Console(file=io.StringIO()), chosen, n_workers).left() == said
    with EvaluationProgress(Console(file=io.StringIO()), chosen, 1) as shown:
        first = chosen[0]
        shown.seed_begins(first)
        clock[0] = 20.0
        shown.seed_ends(first, build_score(build_epochs(0.9)))
        assert shown.left() == "about 80 s left"  # four more at 20 s


def test_what_has_no_trial_is_taken_for_a_minute_until_something_has_finished(
    clock: list[float],
) -> None:
    assert (
        EvaluationProgress(Console(file=io.StringIO()), seeds(2, None), 1).left()
        == "about 2 min 00 s left"
    )


def test_on_a_terminal_one_line_says_what_runs_and_how_long_it_will_take(
    clock: list[float],
) -> None:
    output = io.StringIO()
    (only,) = seeds(1)
    with EvaluationProgress(
        Console(file=output, force_terminal=True, width=200), [only], 1
    ) as shown:
        shown.seed_begins(only)
        clock[0] = 30.0
        shown.tick()
    assert "0 of 1 trainings · trial 7 (tpe), seed 1 30 s · about 70 s left" in output.getvalue()
