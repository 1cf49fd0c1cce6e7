"""Hits at random moments on a whole program: the budget is exact, and nothing is left behind."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import pytest

from tests.programs import call, snapshot
from tests.storms import STUDY, Storm, write_few_texts


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["kill", "term", "stop", "hup"])
def test_a_storm_of_signals_loses_nothing_that_was_finished(
    tmp_path: Path, signal: Literal["kill", "term", "stop", "hup"]
) -> None:
    words = ["--study", "feedforward", "--data", str(write_few_texts(tmp_path)), "--smoke"]
    words += ["--trials", "8", "--workers", "2"]
    storm = Storm(tmp_path, words, signal, random.Random(0), pause=2.0)
    storm.blow(4)
    assert storm.orphans == []
    store = snapshot(tmp_path, STUDY)
    store.assert_they_agree()
    assert len(store.counted) == 8
    assert call(tmp_path, "search.doctor").returncode == 0
    if signal == "stop":
        assert len(store.trials) == 8
