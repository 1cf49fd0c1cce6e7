"""How far does a network come that does not know the order of the words?

Command: python -m search.run --study feedforward
Cost: 6.4 s an epoch at the defaults of feedforward, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "feedforward",
    "How far does a network come that does not know the order of the words?",
    families=("feedforward",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "train.batch_size",
        "feedforward.embedding_dim",
        "feedforward.embedding_dropout",
        "feedforward.pooling",
        "feedforward.layers",
        "feedforward.units",
        "feedforward.layer_dropout",
    ),
    references=tutorials.FEEDFORWARD,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=1.0,
)
