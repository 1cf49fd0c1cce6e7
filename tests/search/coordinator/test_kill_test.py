"""Hits at random moments on a whole program: the budget is exact, and nothing is left behind."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.aftermath import aftermath
from tests.builders import place_database
from tests.equal import differences
from tests.kill_tests import SIGNALS, KillTest, Signal


def blow(home: Path, signal: Signal, seed: int, n_hits: int, n_trials: int) -> KillTest:
    """Hit a study on two workers."""
    place_database(home / "mlruns")
    kill_test = KillTest(home, signal, random.Random(seed), n_trials, 2, pause=3.0)
    kill_test.blow(n_hits)
    assert kill_test.hits.total() == n_hits
    return kill_test


def test_a_study_whose_coordinator_and_trial_are_killed_has_each_trial_and_epoch_once(
    tmp_path: Path,
) -> None:
    kill_test = blow(tmp_path, "kill", seed=10, n_hits=2, n_trials=3)
    assert kill_test.hits == {"coordinator": 1, "trial": 1}
    assert aftermath(kill_test).faults == []


@pytest.mark.slow
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_kill_test_of_signals_leaves_each_trial_and_epoch_once(
    tmp_path: Path, signal: Signal
) -> None:
    kill_test = blow(tmp_path, signal, seed=1, n_hits=5, n_trials=8)
    assert aftermath(kill_test).faults == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_workers", "options"), [(1, ()), (3, ("--deterministic",))], ids=["one", "rounds"]
)
def test_a_study_that_is_killed_has_the_bits_of_one_that_is_not(
    tmp_path: Path, n_workers: int, options: tuple[str, ...]
) -> None:
    homes = [tmp_path / "whole", tmp_path / "killed"]
    for home, n_kills in zip(homes, (0, 2), strict=True):
        place_database(home / "mlruns")
        more = (*options, "--keep-models", "3")
        kill_test = KillTest(home, "kill", random.Random(10), 3, n_workers, more=more)
        kill_test.blow(n_kills)
        assert aftermath(kill_test).faults == []
    assert differences(kill_test.study, *homes) == []
