"""How large should a plain LSTM and its input be?

Command: python -m search.run --study lstm
Cost: 47.8 s an epoch at the defaults of lstm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="lstm",
    question="How large should a plain LSTM and its input be?",
    space=space_of("lstm"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "text.truncating",
        "train.epochs",
        "train.batch_size",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.layers",
        "lstm.units",
        "lstm.pooling",
    ),
    references=tutorials.LSTM,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=9.0,
)
