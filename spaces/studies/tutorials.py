"""Do the tutorials' configurations reach their published accuracies?

Command: python -m search.run --study tutorials
Result (none yet): not run in full.
"""

from spaces import tutorials
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="tutorials",
    question="Do the tutorials' configurations reach their published accuracies?",
    space=space_of("lstm", "bilstm", "cnn_lstm", "feedforward"),
    searched=(),
    references=tutorials.TUTORIALS,
    n_trials=None,
    timeout=None,
    seconds_per_million_tokens=8.0,
)
