"""What a storm (tests/storms.py) has left of its study."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass

from search import doctor
from search.doctor import audit
from tests.counted import epochs_begun
from tests.programs import snapshot
from tests.storms import Storm
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


def aftermath(storm: Storm) -> Aftermath:
    """Look at what is left: the budget is met exactly, and nothing is half or was done twice."""
    root, repaired = storm.home / "mlruns", io.StringIO()
    with contextlib.redirect_stdout(repaired):
        doctor.repair(root, storm.study)
    wrong = audit(store.read_study(root, storm.study), store.condition(root, storm.study))
    found = snapshot(storm.home, storm.study)
    seeds = {number: int(run.data.tags["trial.seed"]) for number, run in found.trials.items()}
    begun = epochs_begun(storm.home)
    again = Counter(
        {number: begun[seed].total() - len(begun[seed]) for number, seed in seeds.items()}
    )
    checks = {
        f"the trials have the numbers {list(found.trials)}": list(found.trials)
        == list(range(storm.n_trials)),
        f"their states are {found.states}": set(found.states) <= {"complete", "pruned"},
        f"they have {len(set(seeds.values()))} seeds": len(set(seeds.values())) == len(seeds),
        f"there was to repair: {repaired.getvalue()}": "nothing to repair" in repaired.getvalue(),
        f"the audit says: {wrong}": not wrong,
        f"processes outlived their coordinator: {storm.orphans}": not storm.orphans,
        f"{storm.home}/mlruns has files of trials that ended": not list(root.glob("*.trials")),
    }
    faults = [sentence for sentence, holds in checks.items() if not holds] + found.faults()
    faults += [
        f"trial {number} was interrupted {storm.interrupted[number]} times, and {n} epochs of it "
        "were begun again"
        for number, n in again.items()
        if n > storm.interrupted[number]
    ]
    return Aftermath(len(found.trials), again, faults)
