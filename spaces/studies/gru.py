"""How large should a GRU and its input be?

Command: python -m search.run --study gru
Cost: 50.6 s an epoch at the defaults of gru, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.study import Study

PLAN = Study(
    "gru",
    "How large should a GRU and its input be?",
    families=("gru",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "gru.embedding_dim",
        "gru.embedding_dropout",
        "gru.layers",
        "gru.units",
        "gru.layer_dropout",
        "gru.pooling",
    ),
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=9.5,
)
