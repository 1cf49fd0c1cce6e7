"""How many words and how much of a text does a classifier need?

Command: python -m search.run --study text
Cost: 28.9 s an epoch at the defaults of cnn, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces.study import Study

PLAN = Study(
    "text",
    "How many words and how much of a text does a classifier need?",
    families=("cnn",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "text.truncating",
    ),
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=5.5,
)
