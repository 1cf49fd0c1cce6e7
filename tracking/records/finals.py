"""What came after the search: finalists trained again on fresh seeds, and the look at test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tracking.records.trial import EpochRecord, LookRecord, ScoreRecord, State

Role = Literal["finalist", "reference", "control"]


@dataclass(frozen=True)
class RepeatRecord:
    """One more training of what was tried before, on a fresh seed. It is no new candidate.

    Attributes:
        of: what is trained again: a trial's number, or the name of a control.
        index: counts the seeds of one finalist, from 0.
        void: cut short; it counts for nothing and is made again on the same seed.
        reason: why it failed; empty otherwise.
    """

    role: Role
    of: int | str
    index: int
    seed: int
    state: State
    void: bool
    reason: str
    seconds: float
    epochs: tuple[EpochRecord, ...]
    score: ScoreRecord | None
    run_id: str


@dataclass(frozen=True)
class FinalLookRecord:
    """A sealed look at the test set, after the search: of the winner, its reference, a control.

    Attributes:
        of: what was looked at, as in RepeatRecord.
        cluster_low: lower end of the 95 % bootstrap interval by movie; None where the texts have
            no groups.
        cluster_high: upper end.
        who: the user and the machine.
        commit: of our code; empty outside a checkout.
        model_sha256: of the model file that was scored; empty for a control.
        n: counts the looks of this study, from 1.
    """

    role: Role
    of: int | str
    look: LookRecord
    cluster_low: float | None
    cluster_high: float | None
    who: str
    commit: str
    model_sha256: str
    n: int
