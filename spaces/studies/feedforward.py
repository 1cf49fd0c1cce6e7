"""How far does a network come that does not know the order of the words?

Command: python -m search.run --study feedforward
Cost: 6.4 s an epoch at the defaults of feedforward, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="feedforward",
    question="How far does a network come that does not know the order of the words?",
    space=space_of("feedforward"),
    searched=(
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
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=1.0,
)
