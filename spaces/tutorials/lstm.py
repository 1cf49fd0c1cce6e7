"""The tutorials' LSTMs."""

from spaces.plan import Reference
from spaces.ranges import Params
from spaces.tutorials.shared import FULL_LENGTH, LAB, NOTEBOOK, TUTORIAL, text, train

_LSTM: Params = {
    **text(),
    **train(),
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
        name="lstm-2016",
        family="lstm",
        params=_LSTM,
        published=0.8679,
        source=f"{TUTORIAL}, 2016 edition",
    ),
    Reference(
        name="lstm-2017",
        family="lstm",
        params=_LSTM,
        published=0.8653,
        source="the same with Keras 2.0.8, 2017",
    ),
)

LSTM_DROPOUT = (
    Reference(
        name="lstm-dropout-2016",
        family="lstm",
        params={**_LSTM, "lstm.embedding_dropout": 0.2, "lstm.layer_dropout": 0.2},
        published=0.8556,
        source=f"{TUTORIAL}, 2016 edition",
        note="Keras 1 dropped a word type, ours drops each word on its own",
    ),
    Reference(
        name="lstm-dropout-2017",
        family="lstm",
        params={**_LSTM, "lstm.layer_dropout": 0.2},
        published=0.8738,
        source="the same without embedding dropout, 2017",
    ),
    Reference(
        name="lstm-dropout-2021",
        family="lstm",
        params={**_LSTM, "lstm.layer_dropout": 0.2},
        published=0.8538,
        source="the same without embedding dropout, 2021",
    ),
)

LSTM_RECURRENT_DROPOUT = (
    Reference(
        name="lstm-recurrent-dropout-2016",
        family="lstm",
        params={
            **_LSTM,
            "lstm.embedding_dropout": 0.2,
            "lstm.dropout": 0.2,
            "lstm.recurrent_dropout": 0.2,
        },
        published=0.8282,
        source=f"{TUTORIAL}, 2016 edition",
        note="Keras 1 dropped a word type, ours drops each word on its own",
    ),
    Reference(
        name="lstm-recurrent-dropout-lab",
        family="lstm",
        params={**_LSTM, "lstm.dropout": 0.2, "lstm.recurrent_dropout": 0.2},
        published=0.8663,
        source=f"{LAB}, without embedding dropout",
    ),
    Reference(
        name="lstm50-recurrent-dropout",
        family="lstm",
        params={
            **_LSTM,
            **train(epochs=5),
            "lstm.units": 50,
            "lstm.dropout": 0.2,
            "lstm.recurrent_dropout": 0.2,
        },
        published=None,
        source=f"an exercise of {LAB}; no accuracy was published",
    ),
)

LSTM_OTHER_SPLITS = (
    Reference(
        name="lstm50-67-33",
        family="lstm",
        params={**_LSTM, "lstm.units": 50},
        published=None,
        source=f"an exercise of {LAB}; no accuracy was published",
        split="pooled-67-33",
        note="trained on a part of the official test reviews too: not the official split",
    ),
    Reference(
        name="lstm16-full-length",
        family="lstm",
        params={**_LSTM, **FULL_LENGTH, "lstm.embedding_dim": 16, "lstm.units": 16},
        published=0.8617,
        source=NOTEBOOK,
        split="part-15000",
    ),
)
