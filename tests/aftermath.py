"""What a storm (tests/storms.py) has left of its study in both stores."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from search import doctor
from tests.programs import Snapshot, snapshot
from tests.storms import Storm

MOST_SECONDS = 60.0  # from the last start, or the last SIGCONT, to the end of the study
_STUDY = "feedforward-few-smoke"


@dataclass(frozen=True)
class Aftermath:
    """What is left.

    Attributes:
        lost: why each attempt was lost, by number; one that died a second time is lost as well.
        most_lost: so many attempts may have been lost.
        faults: what does not hold, a sentence each.
    """

    n_finished: int
    lost: dict[int, str]
    most_lost: int
    faults: list[str]


def aftermath(storm: Storm, *, timed: bool = True) -> Aftermath:
    """Look at what is left: the budget is met, both stores are whole and agree.

    Args:
        timed: the end may have taken no more than MOST_SECONDS, on a machine that is free for it.
    """
    root, repaired = storm.home / "mlruns", io.StringIO()
    with contextlib.redirect_stdout(repaired):
        doctor.repair(root, _STUDY)
    wrong = doctor.findings(root, _STUDY)
    store = snapshot(storm.home, _STUDY)
    seeds = {store.trials[number].data.tags["trial.seed"] for number in store.counted}
    lost, most_lost = _lost(store), _most_lost(storm)
    checks = {
        f"{len(store.counted)} trials have finished": len(store.counted) == storm.n_trials,
        f"they have {len(seeds)} seeds": len(seeds) == storm.n_trials,
        f"there was to repair: {repaired.getvalue()}": "nothing to repair" in repaired.getvalue(),
        f"the audit says: {wrong}": not wrong,
        f"processes were left: {storm.orphans}": not storm.orphans,
        f"the end took {storm.seconds:.0f} s": not timed or storm.seconds <= MOST_SECONDS,
        f"{len(lost)} attempts were lost, not {most_lost} at most": len(lost) <= most_lost,
    }
    faults = [sentence for sentence, holds in checks.items() if not holds]
    return Aftermath(len(store.counted), lost, most_lost, faults)


def _most_lost(storm: Storm) -> int:
    """How many attempts may be lost: one a kill. Evaluators ignore all but SIGKILL."""
    most = {"kill": sum(storm.hits.values()), "stop": 0}
    return most.get(storm.signal, storm.hits["coordinator"])


def _lost(store: Snapshot) -> dict[int, str]:
    lost = {}
    for number in (trial.number for trial in store.in_optuna):
        tags = store.trials[number].data.tags if number in store.trials else {}
        if number not in store.counted or tags["trial.died"] == "True":
            lost[number] = tags.get("trial.reason", "it was not recorded yet")
    return lost
