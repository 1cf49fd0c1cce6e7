"""Published configurations and accuracies, each with its source: the one place for them.

The tutorials passed the test set as `validation_data`, so their numbers were watched while they
were chosen. Ours never are.
"""

from dataclasses import dataclass

from spaces.plan import Reference
from spaces.ranges import Params


@dataclass(frozen=True)
class Baseline:
    """A published accuracy that every chart is held against, between 0 and 1."""

    name: str
    accuracy: float
    source: str


_MAAS = "Maas et al. 2011, Learning Word Vectors for Sentiment Analysis, ACL, Table 2"

BASELINE = Baseline("baseline-maas-2011", 0.8889, f"{_MAAS}, with 50,000 unlabelled reviews")
LABELLED_ONLY = Baseline("maas-2011-labelled-only", 0.8833, f"{_MAAS}, labelled reviews only")
BASELINES = (BASELINE, LABELLED_ONLY)

_TUTORIAL = (
    "Sequence Classification with LSTM Recurrent Neural Networks in Python with Keras, "
    "machinelearningmastery.com"
)

# As in each of the tutorials below: the end of the review, padded in front, without a mask.
_TEXT: Params = {
    "text.vocab_size": 5_000,
    "text.maxlen": 500,
    "text.truncating": "pre",
    "text.padding": "full",
}
# A patience as long as the training: the tutorials do not stop early.
_TRAIN: Params = {
    "train.epochs": 3,
    "train.patience": 3,
    "train.batch_size": 64,
    "train.learning_rate": 1e-3,
}
_LSTM: Params = {
    **_TEXT,
    **_TRAIN,
    "lstm.embedding_dim": 32,
    "lstm.embedding_dropout": 0.0,
    "lstm.layers": 1,
    "lstm.units": 100,
    "lstm.layer_dropout": 0.0,
    "lstm.dropout": 0.0,
    "lstm.recurrent_dropout": 0.0,
    "lstm.pooling": "last",
}

LSTM = (
    Reference(
        name="lstm-2016", params=_LSTM, published=0.8679, source=f"{_TUTORIAL}, 2016 edition"
    ),
    Reference(
        name="lstm-2017", params=_LSTM, published=0.8653, source="the same with Keras 2.0.8, 2017"
    ),
)

LSTM_DROPOUT = (
    Reference(
        name="lstm-dropout-2016",
        params={**_LSTM, "lstm.embedding_dropout": 0.2, "lstm.layer_dropout": 0.2},
        published=0.8556,
        source=f"{_TUTORIAL}, 2016 edition",
    ),
    Reference(
        name="lstm-dropout-2017",
        params={**_LSTM, "lstm.layer_dropout": 0.2},
        published=0.8738,
        source="the same without embedding dropout, 2017",
    ),
    Reference(
        name="lstm-dropout-2021",
        params={**_LSTM, "lstm.layer_dropout": 0.2},
        published=0.8538,
        source="the same without embedding dropout, 2021",
    ),
)

LSTM_RECURRENT_DROPOUT = (
    Reference(
        name="lstm-recurrent-dropout-2016",
        params={
            **_LSTM,
            "lstm.embedding_dropout": 0.2,
            "lstm.dropout": 0.2,
            "lstm.recurrent_dropout": 0.2,
        },
        published=0.8282,
        source=f"{_TUTORIAL}, 2016 edition",
    ),
    Reference(
        name="lstm-recurrent-dropout-lab",
        params={**_LSTM, "lstm.dropout": 0.2, "lstm.recurrent_dropout": 0.2},
        published=0.8663,
        source="the same without embedding dropout, as a course's lab sheet",
    ),
    Reference(
        name="lstm50-recurrent-dropout",
        params={
            **_LSTM,
            "train.epochs": 5,
            "train.patience": 5,
            "lstm.units": 50,
            "lstm.dropout": 0.2,
            "lstm.recurrent_dropout": 0.2,
        },
        published=None,
        source="an exercise of the same course; no accuracy was published",
    ),
)
