"""Is dropping the LSTM's state from step to step worth its time?

Command: python -m search.run --study lstm_recurrent_dropout
Cost: 47.8 s an epoch at the defaults of lstm without recurrent dropout, which
takes two to three times as long; 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "lstm_recurrent_dropout",
    "Is dropping the LSTM's state from step to step worth its time?",
    families=("lstm",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.units",
        "lstm.pooling",
        "lstm.dropout",
        "lstm.recurrent_dropout",
    ),
    references=tutorials.LSTM_RECURRENT_DROPOUT,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=11.0,
)
