"""What the person sees while a study runs."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from search.cli import progress
from search.cli.progress import Progress, Tally, tally
from spaces.plan import StudyPlan
from tests.builders import build_plan
from tests.plans import DROPOUT
from tracking.commandline.formatting import brief, duration, percent
from tracking.records import (
    BaselineRecord,
    EpochRecord,
    ScoreRecord,
    State,
    StudyRecord,
    TrialRecord,
)

PLAN = DROPOUT
BASELINES = (BaselineRecord("baseline", 0.8889, "a paper"),)
VALUES = {
    "text.vocab_size": 30_000,
    "text.maxlen": 300,
    "train.epochs": 6,
    "train.learning_rate": 0.00123456,
}


class Clock:
    """A clock that stands still until it is set on."""

    seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def score(accuracy: float) -> ScoreRecord:
    return ScoreRecord(2, accuracy, 0.7, 0.9, 0.4, 0.95, 1_000, ((1, 0), (0, 1)))


def epoch(number: int, accuracy: float = 0.8) -> EpochRecord:
    return EpochRecord(number, 0.5, 0.875, 0.6, accuracy, 1e-3, 30.0, 500.0)


def trial(
    number: int,
    state: State,
    accuracy: float | None = None,
    *,
    reason: str = "",
    seconds: float = 60.0,
) -> TrialRecord:
    return TrialRecord(
        number=number,
        family="lstm",
        proposed_by="defaults",
        params=PLAN.complete(VALUES),
        seed=1,
        state=state,
        reason=reason,
        seconds=seconds,
        epochs=(),
        score=None if accuracy is None else score(accuracy),
        run_id="",
        model=False,
    )


BEGUN = trial(0, "running")


def shown(
    plan: StudyPlan,
    counts: Tally,
    per_trial: float = 100.0,
    baselines: tuple[BaselineRecord, ...] = BASELINES,
) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(Console(file=out, width=200), plan, baselines, counts, per_trial), out


def seconds_left(line: str) -> int:
    found = re.search(r"about (\d+) s left", line)
    assert found, line
    return int(found[1])


def test_plain_lines_are_written_where_there_is_no_terminal(clock: Clock) -> None:
    bar, out = shown(PLAN.with_budget(2, None), Tally())
    with bar:
        bar.trial_begins(BEGUN)
        clock.seconds += 40
        bar.epoch_ends(BEGUN, epoch(1))
        bar.tick()
        clock.seconds += 5
        bar.trial_ends(trial(0, "complete", 0.8712, seconds=45.0))
    begin, first, end = out.getvalue().splitlines()
    assert begin.startswith("trial 0 (1 of 2), defaults: text.vocab_size 30000, text.maxlen 300,")
    assert "train.learning_rate 0.00123," in begin
    assert first == (
        "  epoch 1/6: train 87.50 %, validation 80.00 %, 30 s; best none yet "
        "(baseline 88.89 % on test), 0 pruned, about 2 min 40 s left"
    )
    assert end == "trial 0 complete: 87.12 % on validation at epoch 2, 45 s"
    assert "\x1b" not in out.getvalue()


def test_a_live_line_is_shown_on_a_terminal(clock: Clock) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system=None)
    with Progress(console, PLAN.with_budget(2, None), BASELINES, Tally(), 100.0) as bar:
        bar.trial_begins(BEGUN)
        bar.epoch_ends(BEGUN, epoch(1))
        bar.epoch_ends(BEGUN, epoch(6))
        bar.trial_ends(trial(0, "complete", 0.8712, seconds=45.0))
    assert "trial 0 (1 of 2) · epoch 2/6 · 0 s · best none yet" in out.getvalue()
    assert "epoch 6/6" in out.getvalue()
    assert "epoch 7/6" not in out.getvalue()
    assert "epoch 1/6: train" not in out.getvalue()
    assert "trial 0 complete: 87.12 % on validation at epoch 2" in out.getvalue()


def test_where_nothing_was_published_the_best_is_held_against_nothing(clock: Clock) -> None:
    bar, out = shown(PLAN, Tally(n_finished=1, best=0.8712, seconds=50.0), baselines=())
    bar.trial_begins(BEGUN)
    bar.epoch_ends(BEGUN, epoch(1))
    assert "; best 87.12 %, 0 pruned, about" in out.getvalue()


def test_the_reason_of_a_trial_without_a_result_is_said(clock: Clock) -> None:
    bar, out = shown(PLAN, Tally())
    for ended in (
        trial(0, "pruned", reason="below its peers after epoch 2"),
        trial(0, "interrupted", reason="Traceback ...\n  File ...\nKeyError: 'x'\n"),
    ):
        bar.trial_begins(BEGUN)
        bar.trial_ends(ended)
    lines = out.getvalue().splitlines()
    assert lines[1] == "trial 0 pruned: below its peers after epoch 2, 60 s"
    assert lines[3] == "trial 0 interrupted: KeyError: 'x', 60 s"


def test_the_counts_and_the_best_follow_the_trials(clock: Clock) -> None:
    bar, _ = shown(PLAN, Tally())
    ended = [
        trial(0, "complete", 0.85, seconds=10.0),
        trial(0, "pruned", seconds=10.0),
        trial(0, "complete", 0.87, seconds=10.0),
        trial(0, "failed", seconds=10.0),
        trial(0, "complete", 0.86, seconds=10.0),
        trial(0, "interrupted", seconds=10.0),
    ]
    for end in ended:
        bar.trial_begins(BEGUN)
        bar.trial_ends(end)
    assert bar.counts == Tally(n_finished=5, n_pruned=1, n_failed=1, best=0.87, seconds=50.0)


def test_the_sessions_before_are_counted_and_what_was_interrupted_is_not() -> None:
    plan = build_plan()
    trials = (
        trial(0, "complete", 0.86),
        trial(1, "interrupted"),
        trial(2, "pruned"),
        trial(3, "failed"),
        trial(4, "complete", 0.84),
        trial(5, "running"),
    )
    counted = tally(StudyRecord(plan, trials), PLAN)
    assert counted == Tally(n_finished=4, n_pruned=1, n_failed=1, best=0.86, seconds=240.0)


def test_the_time_left_falls_with_the_clock_and_with_the_trials(clock: Clock) -> None:
    bar, out = shown(PLAN.with_budget(3, None), Tally(), per_trial=20.0)
    for _ in range(3):
        bar.trial_begins(BEGUN)
        for number in (1, 2):
            clock.seconds += 5
            bar.epoch_ends(BEGUN, epoch(number))
        bar.trial_ends(trial(0, "complete", 0.85, seconds=10.0))
    lines = [line for line in out.getvalue().splitlines() if "left" in line]
    # The first trial is expected to take 20 s, takes 10 s, and so are then the others.
    assert [seconds_left(line) for line in lines] == [55, 50, 15, 10, 5, 0]


def test_the_time_left_is_that_of_the_limit_which_comes_first(clock: Clock) -> None:
    for plan, left in (
        (PLAN.with_budget(None, 60.0), 50),
        (PLAN.with_budget(100, 60.0), 50),
        (PLAN.with_budget(2, 10_000.0), 30),
    ):
        bar, out = shown(plan, Tally(), per_trial=20.0)
        bar.trial_begins(BEGUN)
        clock.seconds += 10
        bar.epoch_ends(BEGUN, epoch(1))
        assert seconds_left(out.getvalue()) == left


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"),
        (89.4, "89 s"),
        (90, "1 min 30 s"),
        (3_600, "60 min"),
        (5_369, "89 min"),
        (5_400, "1 h 30 min"),
        (86_400, "24 h 00 min"),
    ],
)
def test_a_duration_is_said_as_a_person_would(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_shares_and_values_are_said_briefly() -> None:
    assert percent(0.8889) == "88.89 %"
    assert percent(1.0) == "100.00 %"
    assert brief(0.00123456) == "0.00123"
    assert [brief(value) for value in (20_000, "max", True)] == ["20000", "max", "True"]
