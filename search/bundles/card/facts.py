"""What a card is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search.bundles.ensemble import Ensemble
from search.bundles.proof import Proof
from tracking.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Facts:
    """All that a card is made of.

    Attributes:
        before: what was measured of the model in the bundle; of a refitted one, of the trial's own
            model, and nothing if that was not kept.
        proof: what was measured of the files in the bundle.
        machine: as tracking.schema.environment describes it, where the proof was made.
        n_refitted: texts that the model was trained once more on; 0 if it was not.
        on_board: the folder's name.
        ensemble: whose record `trial` is then, from `ensemble.as_trial`; None of a trial.
    """

    study: StudyRecord
    trial: TrialRecord
    formats: tuple[str, ...]
    proof: Proof
    before: Proof
    commit: str
    machine: dict[str, Any]
    n_refitted: int
    on_board: str
    ensemble: Ensemble | None = None

    @property
    def title(self) -> str:
        if self.ensemble is not None:
            numbers = ", ".join(str(one.number) for one in self.ensemble.members)
            return f"{self.study.plan.study}, ensemble of trials {numbers}"
        return f"{self.study.plan.study}, trial {self.trial.number} ({self.trial.family})"
