"""How a trial runs: data, models, training, the coordinator, and the command lines."""
