"""Where does dropout help an LSTM: on the words, between the layers, or inside?

Command: python -m search.run --study lstm_dropout
Cost: 8 trials in 41 min 37 s on one core of a busy machine; 17 min 36 s without options are 2.
Result (2026-11-23, commit fa22dd3, seed 0, official archive, validation by movie): not answered
yet. lstm-dropout-2017 reaches 86.00 %, the defaults 85.86 %, the first proposal of the sampler
85.34 % with training below validation, lstm-dropout-2016 83.61 %; four more proposals were pruned
after epoch 2, where they were below the others. It needs hours: --timeout 3h.
Verdict (2026-11-24, commits 6a69f8f and 6703972, seed 0; another search of 35 minutes, of which
python -m search.evaluate --study lstm_dropout --top 1 took the best): worse than the 88.89 % of
Maas et al. Trial 3 has 87.42 % on the official test set, 95 % interval 86.92 to 87.91 by movie;
five seeds 87.26 +- 0.29; one test evaluation. It is not shown to differ from
lstm-dropout-2016, which scatters four times as much (86.35 +- 1.16 here, 85.56 %
published), and is 1.60 points behind tf-idf with logistic regression (88.85 %).
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "lstm_dropout",
    "Where does dropout help an LSTM: on the words, between the layers, or inside?",
    families=("lstm",),
    search=(
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
    references=tutorials.LSTM_DROPOUT,
    trials=20,
    timeout="17m",
    seconds_per_million_tokens=8.0,
)
