"""What happened: records, the store that keeps them, and the door to the MLflow UI."""
