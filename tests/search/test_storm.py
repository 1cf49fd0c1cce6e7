"""Hits at random moments on a whole program: the budget is exact, and nothing is left behind."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.aftermath import aftermath
from tests.builders import place_database
from tests.storms import SIGNALS, Signal, Storm


def blow(home: Path, signal: Signal, seed: int, n_hits: int, n_trials: int) -> Storm:
    """Hit a study on two workers."""
    place_database(home / "mlruns")
    storm = Storm(home, signal, random.Random(seed), n_trials, 2, pause=3.0)
    storm.blow(n_hits)
    assert sum(storm.hits.values()) == n_hits
    return storm


def test_a_short_storm_of_kills_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    storm = blow(tmp_path, "kill", seed=0, n_hits=5, n_trials=8)
    assert storm.hits == {"coordinator": 2, "evaluator": 3}
    assert aftermath(storm, timed=False).faults == []


def test_a_terminal_that_is_closed_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    storm = blow(tmp_path, "hup", seed=0, n_hits=1, n_trials=2)
    assert aftermath(storm, timed=False).faults == []


@pytest.mark.slow
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_storm_of_signals_loses_nothing_that_was_finished(
    tmp_path: Path, signal: Signal
) -> None:
    storm = blow(tmp_path, signal, seed=1, n_hits=12, n_trials=16)
    assert aftermath(storm).faults == []
