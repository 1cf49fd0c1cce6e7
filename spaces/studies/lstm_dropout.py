"""Where does dropout help an LSTM: on the words, between the layers, or inside?

Command: python -m search.run --study lstm_dropout
Cost: 17 minutes of trials on two cores, and before the first one a minute or two in which vectors
are counted and a teacher labels the unlabelled reviews, once.
Result (none yet): of the recipe before, 2026-11-24: 87.42 % on test, below the 88.89 % of Maas et
al.; see docs/explanation/benchmarks.md.
"""

from spaces import tutorials
from spaces.ranges import Float, Int
from spaces.study import Study

_NOWHERE = {"lstm.embedding_dropout": 0.0, "lstm.layer_dropout": 0.0, "lstm.dropout": 0.0}

PLAN = Study(
    "lstm_dropout",
    "Where does dropout help an LSTM: on the words, between the layers, or inside?",
    families=("lstm",),
    search=("text.vocab_size", "text.maxlen"),
    # A base that is worth the question; without texts that have no label there is no teacher.
    defaults={
        "text.vectors": "counted",
        "train.batch_size": 64,
        "train.epochs": 2,
        "train.teacher": "nbsvm",
        "lstm.embedding_dim": 100,
        "lstm.units": 32,
        "lstm.embedding_dropout": 0.2,
        "lstm.layer_dropout": 0.2,
        "lstm.dropout": 0.2,
    },
    # The question, asked outright: nowhere, and in each of the three places alone.
    enqueued=(
        _NOWHERE,
        {**_NOWHERE, "lstm.embedding_dropout": 0.3},
        {**_NOWHERE, "lstm.layer_dropout": 0.3},
        {**_NOWHERE, "lstm.dropout": 0.3},
    ),
    ranges={
        "train.learning_rate": Float(low=5e-4, high=5e-3, default=2e-3, log=True),
        "lstm.units": Int(low=16, high=100, default=32, log=True),
        "lstm.embedding_dropout": Float(low=0.0, high=0.5, default=0.2),
        "lstm.layer_dropout": Float(low=0.0, high=0.5, default=0.2),
        "lstm.dropout": Float(low=0.0, high=0.5, default=0.2),
    },
    references=tutorials.LSTM_DROPOUT,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=6.0,
)
