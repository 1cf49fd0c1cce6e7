"""Embeddings of words, word pairs and triples, averaged (fastText, Joulin et al. 2016)."""

from spaces.family import Family
from spaces.layers import EMBEDDING
from spaces.ranges import Float, Int

NGRAM = Family(
    "ngram",
    "search.models.ngram:build",
    embedding_dim=EMBEDDING["embedding_dim"],
    order=Int(low=1, high=3, most=3, default=2, note="words of the longest n-gram"),
    max_ngrams=Int(
        low=5_000,
        high=1_000_000,
        default=100_000,
        log=True,
        note="n-grams with a vector: those in the most training texts",
    ),
    output_dropout=Float(
        low=0.0, high=0.7, default=0.3, most=0.95, note="share dropped before the classifier"
    ),
)
