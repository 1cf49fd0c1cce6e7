"""Published accuracies, each with its source: the lines of the charts, and papers' configurations.

Those of the tutorials lie in spaces/tutorials/.
"""

from dataclasses import dataclass

from spaces.plan import Reference
from spaces.training import PLAIN


@dataclass(frozen=True)
class Baseline:
    """A published accuracy that every chart is held against, between 0 and 1."""

    name: str
    accuracy: float
    source: str


_MAAS = "Maas et al. 2011, Learning Word Vectors for Sentiment Analysis, ACL, Table 2"

BASELINE = Baseline("baseline-maas-2011", 0.8889, f"{_MAAS}, with 50,000 unlabelled reviews")
LABELLED_ONLY = Baseline("maas-2011-labelled-only", 0.8833, f"{_MAAS}, labelled reviews only")
BASELINES = (BASELINE, LABELLED_ONLY)

NGRAM = (
    Reference(
        name="fasttext-unigram",
        family="ngram",
        params={
            "text.vocab_size": 20_000,
            "text.maxlen": 400,
            "text.truncating": "pre",
            **PLAIN,
            "train.epochs": 5,
            "train.patience": 5,
            "train.batch_size": 32,
            "train.learning_rate": 1e-3,
            "train.teacher": "none",
            "ngram.embedding_dim": 50,
            "ngram.order": 1,
            "ngram.max_ngrams": 20_000,
            "ngram.output_dropout": 0.0,
        },
        published=0.8813,
        source="imdb_fasttext, Keras examples, after Joulin et al. 2016",
        note="there the average counts the padding too",
    ),
)

NBSVM = (
    Reference(
        name="nbsvm-trigram-2015",
        family="nbsvm",
        params={
            "text.vocab_size": 80_000,
            "text.maxlen": 2_500,
            **PLAIN,
            "train.epochs": 5,
            "train.patience": 5,
            "train.batch_size": 32,
            "train.learning_rate": 1e-3,
            "train.teacher": "none",
            "nbsvm.order": 3,
            "nbsvm.max_ngrams": 1_000_000,
            "nbsvm.smoothing": 1.0,
        },
        published=0.9187,
        source="Mesnil et al. 2015, Ensemble of Generative and Discriminative Techniques, ICLR",
        note="trained there with liblinear on all n-grams, here with Adam on a million",
    ),
)
