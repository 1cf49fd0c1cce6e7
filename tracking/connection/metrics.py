"""How numbers are written as MLflow's metrics, and read."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping

from mlflow.entities import Metric


def metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def read_number(value: float) -> float:
    """Read a metric: MLflow writes the largest float for infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value
