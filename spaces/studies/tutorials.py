"""Do the tutorials' configurations reach their published accuracies?

Command: python -m search.run --study tutorials
Cost: three and a half hours for the fourteen trainings on one slow core, a part of the first
eleven waiting for TensorFlow's autotuner, which is off since.
Result (2026-11-24, seed 0, official archive; table in docs/explanation/benchmarks.md): of the
thirteen published accuracies seven come out within 1.5 points. The others:
- lstm-2016, -1.57: its twin lstm-2017 is at -1.31. One seed, and the weights of the last epoch,
  whatever it did: on validation the same model swings by 3 to 7 points from epoch to epoch.
- lstm-dropout-2016, +1.74, and -2021, +1.60: the very configuration of 2021 was published with
  87.38 % in 2017, where ours is at -0.40. The tutorials' own numbers differ by 2 points.
- lstm-recurrent-dropout-lab, -14.89: training fell from 81.6 to 79.0 % in the third epoch, the
  last: an LSTM without gradient clipping lost what it had learnt. Early stopping would have kept
  the second. Two further seeds (--repeats 3) gave 85.22 and 85.53 %: -1.41 and -1.10.
- bilstm-stacked, +2.83: its maxlen was not published, and ours keeps 500 words.
- feedforward-dropout, -2.43: its configuration was not published.
lstm50-67-33 shows what a random split of all reviews is worth: 89.07 %, 4.7 points above
lstm50-recurrent-dropout on the official one. No tutorial chose without looking at the test set.
"""

from spaces import tutorials
from spaces.study import Study

PLAN = Study(
    "tutorials",
    "Do the tutorials' configurations reach their published accuracies?",
    families=("lstm", "bilstm", "cnn_lstm", "feedforward"),
    references=tutorials.TUTORIALS,
    trials=None,
    timeout=None,
    seconds_per_million_tokens=8.0,
)
