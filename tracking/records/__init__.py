"""Records of what happened: frozen, standard library only.

Accuracies are shares between 0 and 1, losses are in nats, durations in seconds.
"""

from tracking.records.evaluation import (
    DifferenceRecord,
    ExpectedRecord,
    RankingRecord,
    RerunRecord,
    Role,
    SealedEvaluationRecord,
    SealItemRecord,
    SealRecord,
)
from tracking.records.plan import (
    ArrayRecord,
    BaselineRecord,
    DataRecord,
    PlanRecord,
    ReferenceRecord,
    Value,
)
from tracking.records.study import StudyRecord, ranked
from tracking.records.trial import (
    CommandRecord,
    EpochRecord,
    EvaluationRecord,
    MistakeRecord,
    RungRecord,
    ScoreRecord,
    SimpleBaselineRecord,
    State,
    TrialRecord,
    UnreadableRecord,
)

__all__ = [
    "ArrayRecord",
    "BaselineRecord",
    "CommandRecord",
    "DataRecord",
    "DifferenceRecord",
    "EpochRecord",
    "EvaluationRecord",
    "ExpectedRecord",
    "MistakeRecord",
    "PlanRecord",
    "RankingRecord",
    "ReferenceRecord",
    "RerunRecord",
    "Role",
    "RungRecord",
    "ScoreRecord",
    "SealItemRecord",
    "SealRecord",
    "SealedEvaluationRecord",
    "SimpleBaselineRecord",
    "State",
    "StudyRecord",
    "TrialRecord",
    "UnreadableRecord",
    "Value",
    "ranked",
]
