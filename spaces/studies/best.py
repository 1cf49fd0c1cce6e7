"""Which model is best, given a night?

Command: python -m search.run --study best
then:    python -m search.export --study best --out best --ensemble 10
Cost: three hours of trials on two cores.
Result (none yet): not run in full.
"""

from spaces import references
from spaces.ranges import Float, Int, Params
from spaces.study import Study

# An LSTM that begins with counted vectors and learns the unlabelled texts from a teacher.
_TAUGHT: Params = {
    "model.family": "bilstm",
    "text.vectors": "counted",
    "train.batch_size": 64,
    "train.epochs": 2,
    "train.teacher": "nbsvm",
    "bilstm.embedding_dim": 100,
    "bilstm.embedding_dropout": 0.2,
    "bilstm.input_dropout": 0.1,
}

PLAN = Study(
    "best",
    "Which model is best, given a night?",
    families=("nbsvm", "bilstm"),
    search=("text.vocab_size", "text.maxlen", "train.teacher", "nbsvm.*"),
    defaults={"text.vectors": "counted"},
    # The one counts n-grams, the other reads: unlike enough for an ensemble to gain by both.
    enqueued=({**_TAUGHT, "bilstm.units": 32}, {**_TAUGHT, "bilstm.units": 64}),
    ranges={
        "train.batch_size": Int(low=32, high=256, default=128, log=True),
        "train.epochs": Int(low=1, high=8, default=5),
        "train.learning_rate": Float(low=5e-4, high=5e-3, default=2e-3, log=True),
        "bilstm.units": Int(low=24, high=128, default=64, log=True),
        "bilstm.embedding_dim": Int(low=50, high=256, default=100, log=True),
        "bilstm.embedding_dropout": Float(low=0.0, high=0.5, default=0.3),
        "bilstm.input_dropout": Float(low=0.0, high=0.5, default=0.2),
        "bilstm.output_dropout": Float(low=0.0, high=0.5, default=0.3),
    },
    references=references.NBSVM,
    trials=None,
    timeout="3h",
    seconds_per_million_tokens=8.0,
)
