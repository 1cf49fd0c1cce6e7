"""A study in parts, or killed in the middle, proposes what it would have in one go."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import Running, Snapshot, call, snapshot

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """How many trials there are, how many the first part has, and which is begun at the kill."""

    options: tuple[str, ...]
    n: int
    n_first: int
    killed_in: int


# TPE learns from five complete trials on, so the last ones depend on what was known of others.
CASES = {
    "one worker": Case(("--workers", "1"), 10, 5, 3),
    "two workers in order": Case(("--workers", "2", "--deterministic"), 8, 4, 3),
}


def proposals(store: Snapshot) -> list[tuple[dict[str, str], str]]:
    """Give each proposal once, in their order: an attempt that is made again is no other."""
    found: list[tuple[dict[str, str], str]] = []
    for number in store.trials:
        if store.values(number) not in found:
            found.append(store.values(number))
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_study_in_parts_and_a_killed_one_propose_what_one_in_one_go_does(
    tmp_path: Path, tiny_csv: Path, case: Case
) -> None:
    command = ["--study", "feedforward", "--data", str(tiny_csv), "--smoke", *case.options]
    stores = {}
    for kind in ("whole", "parts", "killed"):
        home = tmp_path / kind
        home.mkdir()
        if kind == "parts":
            done = call(home, "search.run", *command, "--trials", str(case.n_first))
            assert done.returncode == 0, done.stderr
        if kind == "killed":
            killed = Running(home, *command, "--trials", str(case.n))
            killed.wait_for(f"trial {case.killed_in} (")
            os.kill(killed.process.pid, signal.SIGKILL)
            killed.end()
        done = call(home, "search.run", *command, "--trials", str(case.n))
        assert done.returncode == 0, done.stderr
        stores[kind] = snapshot(home, "feedforward-tiny-smoke")
        stores[kind].assert_they_agree()
        assert len(stores[kind].counted) == case.n
    expected = proposals(stores["whole"])
    assert len(expected) == case.n
    assert proposals(stores["parts"]) == expected
    assert proposals(stores["killed"]) == expected
    assert len(stores["killed"].trials) >= case.n
    accuracies = [trial.value for trial in stores["whole"].in_optuna]
    assert [trial.value for trial in stores["parts"].in_optuna] == accuracies
