"""Does reading a text in both directions help?

Command: python -m search.run --study bilstm
Cost: 143.3 s an epoch at the defaults of bilstm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="bilstm",
    question="Does reading a text in both directions help?",
    space=space_of("bilstm"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "bilstm.embedding_dim",
        "bilstm.embedding_dropout",
        "bilstm.layers",
        "bilstm.units",
        "bilstm.taper",
        "bilstm.layer_dropout",
        "bilstm.output_dropout",
        "bilstm.pooling",
    ),
    references=tutorials.BILSTM,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=26.5,
)
