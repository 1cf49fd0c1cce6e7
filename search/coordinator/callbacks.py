"""Who is told what happens in a study, to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.engines.base import Proposal
    from tracking.records import EpochRecord, ScoreRecord, TrialRecord


class Callbacks(Protocol):
    """Is told what happens."""

    def simple_baseline_begins(self, name: str) -> None: ...

    def simple_baseline_ends(self, name: str, score: ScoreRecord | None, reason: str) -> None: ...

    def trial_put_off(self, proposal: Proposal, lacking: float) -> None:
        """A trial is not started: the study lacks at least so many seconds for it."""

    def trial_begins(self, trial: TrialRecord) -> None: ...

    def trial_continues(self, trial: TrialRecord) -> None:
        """A trial that was stopped, or paused by its pruner, goes on."""

    def epoch_ends(self, trial: TrialRecord, epoch: EpochRecord) -> None: ...

    def trial_ends(self, trial: TrialRecord) -> None:
        """A trial has ended, or was interrupted."""

    def tick(self) -> None: ...
