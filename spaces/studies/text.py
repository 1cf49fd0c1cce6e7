"""How many words and how much of a text does a classifier need?

Command: python -m search.run --study text
Cost: 28.9 s an epoch at the defaults of cnn, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="text",
    question="How many words and how much of a text does a classifier need?",
    space=space_of("cnn"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "text.truncating",
    ),
    references=(),
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=5.5,
)
