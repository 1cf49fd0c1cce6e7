"""How large should a plain LSTM and its input be?

Command: python -m search.run --study lstm
Cost: 47.8 s an epoch at the defaults of lstm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "lstm",
    "How large should a plain LSTM and its input be?",
    families=("lstm",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "text.truncating",
        "train.epochs",
        "train.batch_size",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.layers",
        "lstm.units",
        "lstm.pooling",
    ),
    references=tutorials.LSTM,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=9.0,
)
