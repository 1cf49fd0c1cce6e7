"""The machine during a trial: processor, memory, disk, network, as MLflow's system metrics."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_SAMPLE_SECONDS, _SAMPLES = 10, 3


class Monitor:
    """Writes means over 30 s, so a trial that is shorter has none."""

    def __init__(self, client: MlflowClient, run_id: str, *, goes_on: bool = False) -> None:
        monitor: Any = SystemMetricsMonitor  # MLflow leaves it untyped
        self._monitor = monitor(
            run_id,
            sampling_interval=_SAMPLE_SECONDS,
            samples_before_logging=_SAMPLES,
            tracking_uri=client.tracking_uri,
            resume_logging=goes_on,
        )
        self._monitor.start()

    def stop(self) -> None:
        self._monitor.finish()
