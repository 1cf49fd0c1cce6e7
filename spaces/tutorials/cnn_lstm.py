"""The tutorials' convolution below an LSTM."""

from spaces.plan import Reference
from spaces.ranges import Params
from spaces.tutorials.shared import LAB, TUTORIAL, text, train

_CNN_LSTM: Params = {
    **text(),
    **train(),
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

CNN_LSTM = (
    Reference(
        name="cnn-lstm-2016",
        family="cnn_lstm",
        params=_CNN_LSTM,
        published=0.8636,
        source=f"{TUTORIAL}, 2016 edition",
    ),
    Reference(
        name="cnn-lstm-dropout",
        family="cnn_lstm",
        params={**_CNN_LSTM, "cnn_lstm.layer_dropout": 0.2},
        published=None,
        source=f"an exercise of {LAB}; no accuracy was published",
    ),
)
