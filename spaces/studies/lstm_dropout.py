"""Where does dropout help an LSTM: on the words, between the layers, or inside?

Command: python -m search.run --study lstm_dropout
Cost: 17 min 36 s without options, on 2 cores that tests kept busy: 2 trials, the third was cut.
Result (2026-11-23, commit a84a754, seed 0, official archive, validation by movie): not answered
yet. The defaults reach 85.94 %, lstm-dropout-2016 83.61 %, lstm-dropout-2017 86.00 %; the
first proposal of the sampler 85.34 % with hardly a gap between training and validation. Five
more were held to 1 or 2 epochs (--max-epochs) and say nothing. It needs an hour: --timeout 1h.
"""

from spaces import references
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="lstm_dropout",
    question="Where does dropout help an LSTM: on the words, between the layers, or inside?",
    space=space_of("lstm"),
    searched=(
        "text.vocab_size",
        "text.maxlen",
        "train.epochs",
        "train.learning_rate",
        "lstm.embedding_dim",
        "lstm.units",
        "lstm.pooling",
        "lstm.embedding_dropout",
        "lstm.layer_dropout",
        "lstm.dropout",
    ),
    references=references.LSTM_DROPOUT,
    n_trials=20,
    timeout=17 * 60,
    seconds_per_million_tokens=8.0,
)
