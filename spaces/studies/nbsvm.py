"""How good is a linear classifier that naive Bayes has set up?

Command: python -m search.run --study nbsvm
Cost: 6.2 s an epoch at the defaults of nbsvm, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import references
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="nbsvm",
    question="How good is a linear classifier that naive Bayes has set up?",
    space=space_of("nbsvm"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.batch_size",
        "train.learning_rate",
        "nbsvm.order",
        "nbsvm.max_ngrams",
        "nbsvm.smoothing",
    ),
    references=references.NBSVM,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=1.0,
)
