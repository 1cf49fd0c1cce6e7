"""Is dropping the LSTM's state from step to step worth its time?

Command: python -m search.run --study lstm_recurrent_dropout
Cost: 47.8 s an epoch at the defaults of lstm without recurrent dropout, which
takes two to three times as long; 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="lstm_recurrent_dropout",
    question="Is dropping the LSTM's state from step to step worth its time?",
    space=space_of("lstm"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.units",
        "lstm.pooling",
        "lstm.dropout",
        "lstm.recurrent_dropout",
    ),
    references=tutorials.LSTM_RECURRENT_DROPOUT,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=11.0,
)
