"""Naive-Bayes-weighted n-grams under a linear classifier (Wang & Manning 2012)."""

from spaces.family import Family
from spaces.ranges import Float, Int

NBSVM = Family(
    "nbsvm",
    "search.models.nbsvm:build",
    order=Int(low=1, high=3, most=3, default=3, note="words of the longest n-gram"),
    max_ngrams=Int(
        low=5_000,
        high=1_000_000,
        default=400_000,
        log=True,
        note="n-grams with a weight: those in the most training texts",
    ),
    smoothing=Float(
        low=0.1, high=10.0, default=1.0, log=True, note="added to each n-gram's count of texts"
    ),
)
