"""Does reading a text in both directions help?

Command: python -m search.run --study bilstm
Cost: 143.3 s an epoch at the defaults of bilstm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "bilstm",
    "Does reading a text in both directions help?",
    families=("bilstm",),
    search=(
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
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=26.5,
)
