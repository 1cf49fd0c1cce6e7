"""Records of what happened: frozen, standard library only.

Accuracies are shares between 0 and 1, losses are in nats, durations in seconds.
"""

from tracking.records.finals import (
    DifferenceRecord,
    ExpectedRecord,
    FinalLookRecord,
    FinalsRecord,
    RepeatRecord,
    Role,
    SealItemRecord,
    SealRecord,
)
from tracking.records.plan import BaselineRecord, DataRecord, PlanRecord, ReferenceRecord, Value
from tracking.records.study import StudyRecord, ranked
from tracking.records.trial import (
    CommandRecord,
    ControlRecord,
    EpochRecord,
    LookRecord,
    MistakeRecord,
    RungRecord,
    ScoreRecord,
    State,
    TrialRecord,
    UnreadableRecord,
)

__all__ = [
    "BaselineRecord",
    "CommandRecord",
    "ControlRecord",
    "DataRecord",
    "DifferenceRecord",
    "EpochRecord",
    "ExpectedRecord",
    "FinalLookRecord",
    "FinalsRecord",
    "LookRecord",
    "MistakeRecord",
    "PlanRecord",
    "ReferenceRecord",
    "RepeatRecord",
    "Role",
    "RungRecord",
    "ScoreRecord",
    "SealItemRecord",
    "SealRecord",
    "State",
    "StudyRecord",
    "TrialRecord",
    "UnreadableRecord",
    "Value",
    "ranked",
]
