"""How each record lies in MLflow, both directions."""
