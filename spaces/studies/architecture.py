"""Which architecture reads best, and does it do more than count words?

Command: python -m search.run --study architecture
Cost: an hour on one core of a busy machine (--timeout 60m): 12 trials, 4 of them proposed.
Result (2026-11-23, before the GRU joined, seed 0, official archive, validation by movie): counting
word pairs and triples is enough. nbsvm-trigram-2015 reaches 91.55 % (95 % interval 90.74 to 92.28)
and nbsvm at its defaults 90.99 %, 3.41 and 2.85 points above the simple baseline tf-idf with
logistic regression (88.14 %). ngram 88.91 %, feedforward 87.76 %, cnn 87.40 %, cnn_lstm 86.62 %,
bilstm 86.42 %, lstm 85.78 %: at their defaults, no network that reads the order of words step by
step does more than count them. One seed; the majority class is 49.99 %.
Beware: the sampler's slow families are pruned by medians of all families, so most of what it
proposes after a while is nbsvm. --pruner none gives them their time.
"""

from spaces import references
from spaces.study import Study

# The cheap ones first: whoever has 20 minutes sees most of them.
_FAMILIES = ("nbsvm", "feedforward", "cnn", "ngram", "cnn_lstm", "gru", "lstm", "bilstm")

PLAN = Study(
    "architecture",
    "Which architecture reads best, and does it do more than count words?",
    families=_FAMILIES,
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        *(f"{family}.*" for family in _FAMILIES),
    ),
    references=references.NBSVM,
    trials=40,
    timeout="17m",
    seconds_per_million_tokens=5.0,
    simple_baselines=("majority", "tfidf_logistic"),
)
