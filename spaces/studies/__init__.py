"""The studies, written out. Each file is a lab note: question, command, and the result if run."""

from spaces.plan import StudyPlan
from spaces.studies.architecture import PLAN as architecture
from spaces.studies.best import PLAN as best
from spaces.studies.bilstm import PLAN as bilstm
from spaces.studies.cnn import PLAN as cnn
from spaces.studies.cnn_lstm import PLAN as cnn_lstm
from spaces.studies.feedforward import PLAN as feedforward
from spaces.studies.gru import PLAN as gru
from spaces.studies.lstm import PLAN as lstm
from spaces.studies.lstm_dropout import PLAN as lstm_dropout
from spaces.studies.lstm_recurrent_dropout import PLAN as lstm_recurrent_dropout
from spaces.studies.nbsvm import PLAN as nbsvm
from spaces.studies.ngram import PLAN as ngram
from spaces.studies.text import PLAN as text
from spaces.studies.tutorials import PLAN as tutorials

STUDIES: dict[str, StudyPlan] = {
    plan.name: plan
    for plan in (
        lstm,
        lstm_dropout,
        lstm_recurrent_dropout,
        bilstm,
        gru,
        cnn_lstm,
        cnn,
        feedforward,
        ngram,
        nbsvm,
        text,
        architecture,
        best,
        tutorials,
    )
}
