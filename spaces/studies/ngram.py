"""What do averaged embeddings of word pairs and triples add to those of words?

Command: python -m search.run --study ngram
Cost: 27.8 s an epoch at the defaults of ngram, 25,000 reviews, one core.
Result (none yet): not run in full.
"""

from spaces import references
from spaces.study import Study

PLAN = Study(
    "ngram",
    "What do averaged embeddings of word pairs and triples add to those of words?",
    families=("ngram",),
    search=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "train.batch_size",
        "ngram.embedding_dim",
        "ngram.order",
        "ngram.max_ngrams",
        "ngram.output_dropout",
    ),
    references=references.NGRAM,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=5.0,
)
