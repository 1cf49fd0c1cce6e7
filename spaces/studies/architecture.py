"""Which architecture reads reviews best, and does it do more than count words?

Command: python -m search.run --study architecture
Result: not run in full yet.
"""

from spaces import references
from spaces.families import FAMILIES, FAMILY, space_of
from spaces.plan import StudyPlan

# The cheap ones first: whoever has 20 minutes sees most of them.
_FAMILIES = ("nbsvm", "feedforward", "cnn", "ngram", "cnn_lstm", "gru", "lstm", "bilstm")

PLAN = StudyPlan(
    name="architecture",
    question="Which architecture reads reviews best, and does it do more than count words?",
    space=space_of(*_FAMILIES),
    searched=(
        FAMILY,
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        *(name for family in _FAMILIES for name in FAMILIES[family]),
    ),
    references=references.NBSVM,
    n_trials=40,
    timeout=17 * 60,
    seconds_per_million_tokens=5.0,
    controls=("majority", "tfidf_logistic"),
)
