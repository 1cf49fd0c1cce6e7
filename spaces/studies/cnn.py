"""Which patterns of words does a convolution need?

Command: python -m search.run --study cnn
Cost: 28.9 s an epoch at the defaults of cnn, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.study import Study

PLAN = Study(
    "cnn",
    "Which patterns of words does a convolution need?",
    families=("cnn",),
    search=(
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
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=5.5,
)
