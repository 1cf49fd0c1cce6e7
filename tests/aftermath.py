"""What a storm (tests/kill_tests.py) has left of its study."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass

from search import doctor
from search.audit import audit
from tests.counted import epochs_begun
from tests.kill_tests import KillTest
from tests.programs import snapshot
from tracking import store


@dataclass(frozen=True)
class Aftermath:
    """What is left.

    Attributes:
        again: how many epochs were begun again, by the trial's number.
        faults: what does not hold, a sentence each.
    """

    n_trials: int
    again: Counter[int]
    faults: list[str]


def aftermath(kill_test: KillTest) -> Aftermath:
    """Look at what is left: the budget is met exactly, and nothing is half or was done twice."""
    root, repaired = kill_test.home / "mlruns", io.StringIO()
    with contextlib.redirect_stdout(repaired):
        doctor.repair(root, kill_test.study)
    wrong = audit(store.read_study(root, kill_test.study), store.condition(root, kill_test.study))
    found = snapshot(kill_test.home, kill_test.study)
    seeds = {number: int(run.data.tags["trial.seed"]) for number, run in found.trials.items()}
    begun = epochs_begun(kill_test.home)
    again = Counter(
        {number: begun[seed].total() - len(begun[seed]) for number, seed in seeds.items()}
    )
    checks = {
        f"the trials have the numbers {list(found.trials)}": list(found.trials)
        == list(range(kill_test.n_trials)),
        f"their states are {found.states}": set(found.states) <= {"complete", "pruned"},
        f"they have {len(set(seeds.values()))} seeds": len(set(seeds.values())) == len(seeds),
        f"there was to repair: {repaired.getvalue()}": "nothing to repair" in repaired.getvalue(),
        f"the audit says: {wrong}": not wrong,
        f"processes outlived their coordinator: {kill_test.orphans}": not kill_test.orphans,
        f"{kill_test.home}/mlruns has files of trials that ended": not list(root.glob("*.trials")),
    }
    faults = [sentence for sentence, holds in checks.items() if not holds] + found.faults()
    faults += [
        f"trial {number} was interrupted {kill_test.interrupted[number]} times, and {n} epochs of it "
        "were begun again"
        for number, n in again.items()
        if n > kill_test.interrupted[number]
    ]
    return Aftermath(len(found.trials), again, faults)
