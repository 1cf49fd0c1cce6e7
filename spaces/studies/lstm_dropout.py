"""Where does dropout help an LSTM: on the words, between the layers, or inside?

Command: python -m search.run --study lstm_dropout
"""

from spaces import references
from spaces.families import FAMILIES
from spaces.plan import StudyPlan
from spaces.ranges import join
from spaces.text import TEXT
from spaces.training import TRAIN

PLAN = StudyPlan(
    name="lstm_dropout",
    question="Where does dropout help an LSTM: on the words, between the layers, or inside?",
    family="lstm",
    space=join(TEXT, TRAIN, FAMILIES["lstm"]),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.units",
        "lstm.pooling",
        "lstm.embedding_dropout",
        "lstm.layer_dropout",
        "lstm.dropout",
    ),
    references=references.LSTM_DROPOUT,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=8.0,
)
