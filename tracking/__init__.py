"""What happened: records, the store that keeps them, and the door to the MLflow UI."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
