"""How large should a GRU and its input be?

Command: python -m search.run --study gru
Cost: 50.6 s an epoch at the defaults of gru, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="gru",
    question="How large should a GRU and its input be?",
    space=space_of("gru"),
    searched=(
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
    references=(),
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=9.5,
)
