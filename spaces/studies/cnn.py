"""Which patterns of words does a convolution need?

Command: python -m search.run --study cnn
Cost: 28.9 s an epoch at the defaults of cnn, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="cnn",
    question="Which patterns of words does a convolution need?",
    space=space_of("cnn"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "train.batch_size",
        "cnn.embedding_dim",
        "cnn.embedding_dropout",
        "cnn.filters",
        "cnn.kernel_size",
        "cnn.n_kernels",
        "cnn.output_dropout",
    ),
    references=(),
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=5.5,
)
