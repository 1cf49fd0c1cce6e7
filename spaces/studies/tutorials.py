"""Do the tutorials' configurations reach their published accuracies?

Command: python -m search.run --study tutorials
Result: not run in full yet.
"""

from spaces import references
from spaces.families import space_of
from spaces.plan import StudyPlan

PLAN = StudyPlan(
    name="tutorials",
    question="Do the tutorials' configurations reach their published accuracies?",
    space=space_of("lstm", "bilstm", "cnn_lstm", "feedforward"),
    searched=(),
    references=references.TUTORIALS,
    n_trials=None,
    timeout=None,
    seconds_per_million_tokens=8.0,
)
