"""The configurations of the tutorials and their published accuracies, each with its source.

The tutorials passed the test set as `validation_data`, so their numbers were watched while they
were chosen. Ours never are.
"""

from spaces.plan import Reference
from spaces.ranges import Params

_TUTORIAL = (
    "Sequence Classification with LSTM Recurrent Neural Networks in Python with Keras, "
    "machinelearningmastery.com"
)
_LAB = "a course's lab sheet on the same tutorial"
_NOTEBOOK = "a public notebook on full-length reviews"


def _text(vocab_size: int = 5_000, maxlen: int = 500) -> Params:
    """The end of the review, padded in front, without a mask: as in each of the tutorials."""
    return {
        "text.vocab_size": vocab_size,
        "text.maxlen": maxlen,
        "text.truncating": "pre",
        "text.padding": "full",
    }


def _train(epochs: int = 3, batch_size: int = 64) -> Params:
    """Adam at its defaults; a patience as long as the training, for no tutorial stops early."""
    return {
        "train.epochs": epochs,
        "train.patience": epochs,
        "train.batch_size": batch_size,
        "train.learning_rate": 1e-3,
    }


_LSTM: Params = {
    **_text(),
    **_train(),
    "lstm.embedding_dim": 32,
    "lstm.embedding_dropout": 0.0,
    "lstm.layers": 1,
    "lstm.units": 100,
    "lstm.layer_dropout": 0.0,
    "lstm.dropout": 0.0,
    "lstm.recurrent_dropout": 0.0,
    "lstm.pooling": "last",
}
_BILSTM: Params = {
    "bilstm.embedding_dropout": 0.0,
    "bilstm.layers": 1,
    "bilstm.taper": 1.0,
    "bilstm.input_dropout": 0.0,
    "bilstm.layer_dropout": 0.0,
    "bilstm.output_dropout": 0.0,
    "bilstm.dropout": 0.0,
    "bilstm.recurrent_dropout": 0.0,
    "bilstm.pooling": "last",
}
_CNN_LSTM: Params = {
    **_text(),
    **_train(),
    "cnn_lstm.embedding_dim": 32,
    "cnn_lstm.embedding_dropout": 0.0,
    "cnn_lstm.filters": 32,
    "cnn_lstm.kernel_size": 3,
    "cnn_lstm.pool_size": 2,
    "cnn_lstm.layer_dropout": 0.0,
    "cnn_lstm.units": 100,
    "cnn_lstm.dropout": 0.0,
    "cnn_lstm.recurrent_dropout": 0.0,
    "cnn_lstm.pooling": "last",
}
_FULL_LENGTH: Params = {**_text(maxlen=2_500), **_train(epochs=12, batch_size=512)}

LSTM = (
    Reference(
        name="lstm-2016",
        family="lstm",
        params=_LSTM,
        published=0.8679,
        source=f"{_TUTORIAL}, 2016 edition",
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
        source=f"{_TUTORIAL}, 2016 edition",
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
        source=f"{_TUTORIAL}, 2016 edition",
        note="Keras 1 dropped a word type, ours drops each word on its own",
    ),
    Reference(
        name="lstm-recurrent-dropout-lab",
        family="lstm",
        params={**_LSTM, "lstm.dropout": 0.2, "lstm.recurrent_dropout": 0.2},
        published=0.8663,
        source=f"{_LAB}, without embedding dropout",
    ),
    Reference(
        name="lstm50-recurrent-dropout",
        family="lstm",
        params={
            **_LSTM,
            **_train(epochs=5),
            "lstm.units": 50,
            "lstm.dropout": 0.2,
            "lstm.recurrent_dropout": 0.2,
        },
        published=None,
        source=f"an exercise of {_LAB}; no accuracy was published",
    ),
)

LSTM_OTHER_SPLITS = (
    Reference(
        name="lstm50-67-33",
        family="lstm",
        params={**_LSTM, "lstm.units": 50},
        published=None,
        source=f"an exercise of {_LAB}; no accuracy was published",
        split="pooled-67-33",
        note="trained on a part of the official test reviews too: not the official split",
    ),
    Reference(
        name="lstm16-full-length",
        family="lstm",
        params={**_LSTM, **_FULL_LENGTH, "lstm.embedding_dim": 16, "lstm.units": 16},
        published=0.8617,
        source=_NOTEBOOK,
        split="part-15000",
    ),
)

BILSTM = (
    Reference(
        name="bilstm-stacked",
        family="bilstm",
        params={
            **_BILSTM,
            **_text(),
            **_train(batch_size=512),
            "bilstm.embedding_dim": 64,
            "bilstm.layers": 2,
            "bilstm.units": 32,
            "bilstm.taper": 0.5,
            "bilstm.input_dropout": 0.3,
            "bilstm.layer_dropout": 0.2,
        },
        published=0.8517,
        source=f"{_NOTEBOOK}, two layers",
        note="its maxlen was not published; ours is 500",
    ),
    Reference(
        name="bilstm-keras-docs",
        family="bilstm",
        params={
            **_BILSTM,
            **_text(vocab_size=20_000, maxlen=200),
            **_train(epochs=2, batch_size=32),
            "bilstm.embedding_dim": 128,
            "bilstm.layers": 2,
            "bilstm.units": 64,
        },
        published=0.868,
        source="Bidirectional LSTM on IMDB, Keras code examples, 2020",
    ),
)

BILSTM_FULL_LENGTH = (
    Reference(
        name="bilstm16-full-length",
        family="bilstm",
        params={**_BILSTM, **_FULL_LENGTH, "bilstm.embedding_dim": 16, "bilstm.units": 16},
        published=0.8526,
        source=_NOTEBOOK,
        split="part-15000",
    ),
)

CNN_LSTM = (
    Reference(
        name="cnn-lstm-2016",
        family="cnn_lstm",
        params=_CNN_LSTM,
        published=0.8636,
        source=f"{_TUTORIAL}, 2016 edition",
    ),
    Reference(
        name="cnn-lstm-dropout",
        family="cnn_lstm",
        params={**_CNN_LSTM, "cnn_lstm.layer_dropout": 0.2},
        published=None,
        source=f"an exercise of {_LAB}; no accuracy was published",
    ),
)

FEEDFORWARD = (
    Reference(
        name="feedforward-dropout",
        family="feedforward",
        params={
            **_text(),
            **_train(epochs=2, batch_size=128),
            "feedforward.embedding_dim": 32,
            "feedforward.embedding_dropout": 0.0,
            "feedforward.pooling": "flatten",
            "feedforward.layers": 1,
            "feedforward.units": 250,
            "feedforward.layer_dropout": 0.2,
        },
        published=0.88,
        source="a basic feed-forward network with dropout, named in a tutorial's comments",
        note="its configuration was not published; ours is the usual one of that time",
    ),
)

TUTORIALS = (
    *LSTM,
    *LSTM_DROPOUT,
    *LSTM_RECURRENT_DROPOUT,
    *LSTM_OTHER_SPLITS[:1],
    *CNN_LSTM,
    *LSTM_OTHER_SPLITS[1:],
    *BILSTM_FULL_LENGTH,
    *BILSTM,
    *FEEDFORWARD,
)
