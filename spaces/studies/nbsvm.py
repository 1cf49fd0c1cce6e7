"""How good is a linear classifier that naive Bayes has set up?

Command: python -m search.run --study nbsvm
Cost: 6.2 s an epoch at the defaults of nbsvm, 25,000 reviews, one core. With --trials 24 the
search took 9 minutes and python -m search.evaluate 66 minutes of training, both on a busy machine.
Result (2026-11-24, commits 6a69f8f and a26ee3e, seed 0, official archive): better than the 88.89 %
of Maas et al. Trial 13 has 92.10 % on the official test set, 95 % interval 91.68 to 92.50 by
movie; five seeds 92.05 +- 0.17; one test evaluation. It is 3.20 points above tf-idf with logistic
regression (88.85 %), and not shown to differ from nbsvm-trigram-2015 (92.14 +- 0.20 here, 91.87 %
published): the search found nothing better than the published configuration, but trial 18 does as
well on validation in half the time.
"""

from spaces import references
from spaces.study import Study

PLAN = Study(
    "nbsvm",
    "How good is a linear classifier that naive Bayes has set up?",
    families=("nbsvm",),
    search=(
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
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=1.0,
)
