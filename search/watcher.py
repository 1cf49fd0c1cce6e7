"""Who is told what happens in a study, to show it; and how a trial ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.engines import Asked
    from tracking.records import EpochRecord, LookRecord, ScoreRecord, State


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. An attempt that is void was cut short and is made again.

    Attributes:
        score: of a candidate, on validation.
        look: of a reproduction, at the test set.
        died: whether its process died or hung.
    """

    state: State
    score: ScoreRecord | None = None
    look: LookRecord | None = None
    reason: str = ""
    void: bool = False
    died: bool = False


class Watcher(Protocol):
    """Is told what happens."""

    def control_begins(self, name: str) -> None: ...

    def control_ends(self, name: str, score: ScoreRecord | None, reason: str) -> None: ...

    def trial_put_off(self, asked: Asked, lacking: float) -> None:
        """A trial is not started: the study lacks at least so many seconds for it."""

    def trial_begins(self, asked: Asked) -> None: ...

    def trial_goes_on(self, asked: Asked) -> None:
        """A trial was adopted: its coordinator is gone, and it is not."""

    def epoch_ends(self, asked: Asked, epoch: EpochRecord) -> None: ...

    def trial_ends(self, asked: Asked, outcome: Outcome) -> None: ...

    def trial_waits(self, asked: Asked, seconds: float) -> None:
        """A trial under way is left to the next coordinator, and waits so long for it."""

    def tick(self) -> None: ...
