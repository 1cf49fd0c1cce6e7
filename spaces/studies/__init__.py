"""The studies, written out. Each file is a lab note: question, command, and the result if run."""

from spaces.plan import StudyPlan
from spaces.studies.lstm import PLAN as lstm
from spaces.studies.lstm_dropout import PLAN as lstm_dropout
from spaces.studies.lstm_recurrent_dropout import PLAN as lstm_recurrent_dropout

STUDIES: dict[str, StudyPlan] = {
    plan.name: plan for plan in (lstm, lstm_dropout, lstm_recurrent_dropout)
}
