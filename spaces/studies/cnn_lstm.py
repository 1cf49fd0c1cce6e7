"""How far may a convolution shorten a text before an LSTM reads it?

Command: python -m search.run --study cnn_lstm
Cost: 27.5 s an epoch at the defaults of cnn_lstm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "cnn_lstm",
    "How far may a convolution shorten a text before an LSTM reads it?",
    families=("cnn_lstm",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "cnn_lstm.embedding_dim",
        "cnn_lstm.embedding_dropout",
        "cnn_lstm.filters",
        "cnn_lstm.kernel_size",
        "cnn_lstm.pool_size",
        "cnn_lstm.units",
        "cnn_lstm.layer_dropout",
        "cnn_lstm.dropout",
        "cnn_lstm.pooling",
    ),
    references=tutorials.CNN_LSTM,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=5.0,
)
