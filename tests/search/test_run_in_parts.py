"""A study in parts has the trials that it would have had in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import Snapshot, call, snapshot

pytestmark = pytest.mark.slow

# TPE learns from five complete trials on, so the last ones depend on what was known of others.
CASES = {
    "one worker": (("--workers", "1"), 10, 5),
    "two workers in rounds": (("--workers", "2", "--deterministic"), 8, 4),
}


def run(home: Path, *words: str) -> Snapshot:
    done = call(home, "search.run", "--study", "feedforward", *words)
    assert done.returncode == 0, done.stderr
    return snapshot(home, "feedforward-tiny-smoke")


@pytest.mark.parametrize(("options", "n_trials", "n_first"), CASES.values(), ids=CASES)
def test_a_study_in_parts_has_the_trials_of_one_in_one_go(
    tmp_path: Path, tiny_csv: Path, options: tuple[str, ...], n_trials: int, n_first: int
) -> None:
    words = ["--data", str(tiny_csv), "--smoke", *options, "--trials"]
    found = []
    for parts in ((n_trials,), (n_first, n_trials)):
        home = tmp_path / f"{len(parts)} parts"
        home.mkdir()
        found.append([run(home, *words, str(n)) for n in parts][-1])
    whole, in_parts = found
    assert len(whole.trials) == n_trials
    assert [whole.values(n) for n in whole.trials] == [in_parts.values(n) for n in in_parts.trials]
    assert whole.epochs == in_parts.epochs
