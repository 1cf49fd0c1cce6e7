"""How the trials of a study ended, as far as its standing needs it."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import replace

from tracking.records import State, TrialRecord, ranked
from tracking.rows import Rows

SHOWN = 10  # best candidates in the words of a study's standing

_STATES: tuple[State, ...] = ("running", "complete", "pruned", "failed")
_ABSENT, _VOID = len(_STATES), len(_STATES) + 1  # reserved: no trial, and one that does not count


class Ends:
    """State, seconds and a row of each trial, in few bytes; the records of those to be named.

    These are the best candidates, those whose models are kept or which have not ended, and those
    of `named`. Records are in brief: without epochs, files and what they got wrong.

    Args:
        named: numbers of trials whose records are kept in any case; names are passed over.

    Attributes:
        kept: the records, by run.
        rows: of the table of all trials.
    """

    def __init__(self, named: Collection[int | str] = ()) -> None:
        self._named = named
        self._states = bytearray()  # by number
        self._seconds = array("d")  # by number; of no trial 0
        self.kept: dict[str, TrialRecord] = {}
        self.rows = Rows()

    def put(self, trial: TrialRecord) -> None:
        """Note a trial, in the place of what was known of it."""
        n_new = trial.number + 1 - len(self._states)
        self._states.extend([_ABSENT] * n_new)
        self._seconds.extend([0.0] * n_new)
        self._states[trial.number] = _VOID if trial.void else _STATES.index(trial.state)
        self._seconds[trial.number] = trial.seconds
        self.rows.put(trial)
        self.kept[trial.run_id] = _in_brief(trial)
        best = [candidate.run_id for candidate in ranked(self.kept.values())[:SHOWN]]
        for run_id, other in list(self.kept.items()):
            if not (run_id in best or self._is_needed(other)):
                del self.kept[run_id]

    def __len__(self) -> int:
        return len(self._states) - self._states.count(_ABSENT)

    def count(self, state: State) -> int:
        """Trials in this state, attempts that were cut short aside."""
        return self._states.count(_STATES.index(state))

    @property
    def seconds(self) -> float:
        """What all trials took."""
        return sum(self._seconds)  # by number, so that rounding is always the same

    def _is_needed(self, trial: TrialRecord) -> bool:
        return trial.model or trial.state == "running" or trial.number in self._named


def _in_brief(trial: TrialRecord) -> TrialRecord:
    score = trial.score and replace(trial.score, confusion=(), mistakes=())
    return replace(trial, epochs=(), summary="", score=score)
