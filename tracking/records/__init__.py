"""Records of what happened: frozen, standard library only.

Accuracies are shares between 0 and 1, losses are in nats, durations in seconds.
"""

from tracking.records.data_report import DataReportRecord, PartReportRecord
from tracking.records.evaluation import (
    DifferenceRecord,
    ExpectedRecord,
    PruningAuditRecord,
    RankingRecord,
    RerunRecord,
    Role,
    SealedEvaluationRecord,
    SealItemRecord,
    SealRecord,
)
from tracking.records.plan import (
    MOVIE_REVIEWS,
    ArrayRecord,
    BaselineRecord,
    DataRecord,
    EarlierPlanRecord,
    PlanRecord,
    ReferenceRecord,
    Value,
)
from tracking.records.source import SourceRecord
from tracking.records.study import StudyRecord, ranked
from tracking.records.trial import (
    CommandRecord,
    EpochRecord,
    EvaluationRecord,
    MistakeRecord,
    ResumedRecord,
    RungRecord,
    ScoreRecord,
    SimpleBaselineRecord,
    State,
    TrialRecord,
    UnreadableRecord,
)

__all__ = [
    "MOVIE_REVIEWS",
    "ArrayRecord",
    "BaselineRecord",
    "CommandRecord",
    "DataRecord",
    "DataReportRecord",
    "DifferenceRecord",
    "EarlierPlanRecord",
    "EpochRecord",
    "EvaluationRecord",
    "ExpectedRecord",
    "MistakeRecord",
    "PartReportRecord",
    "PlanRecord",
    "PruningAuditRecord",
    "RankingRecord",
    "ReferenceRecord",
    "RerunRecord",
    "ResumedRecord",
    "Role",
    "RungRecord",
    "ScoreRecord",
    "SealItemRecord",
    "SealRecord",
    "SealedEvaluationRecord",
    "SimpleBaselineRecord",
    "SourceRecord",
    "State",
    "StudyRecord",
    "TrialRecord",
    "UnreadableRecord",
    "Value",
    "ranked",
]
