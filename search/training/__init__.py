"""One trial: fit, score, checkpoint; and the trainings beside it."""
