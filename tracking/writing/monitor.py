"""The machine during a trial: processor, memory, disk, network, as MLflow's system metrics."""

from __future__ import annotations

from threading import Lock, Timer
from typing import Any

from mlflow import MlflowClient
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_SAMPLE_SECONDS, _SAMPLES = 10, 3
_FIRST_SECONDS = 3.0  # a trial that ends before is no reason to look for GPUs


class Monitor:
    """Writes means over 30 s, so a trial that is shorter has none.

    Args:
        goes_on: whether the run has some already, of an earlier process.
    """

    def __init__(self, client: MlflowClient, run_id: str, *, goes_on: bool = False) -> None:
        self._client = client
        self._run_id = run_id
        self._goes_on = goes_on
        self._lock = Lock()  # it can end while it begins
        self._monitor: Any = None  # MLflow leaves it untyped
        self._timer = Timer(_FIRST_SECONDS, self._start)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._monitor is not None:
                self._monitor.finish()

    def _start(self) -> None:
        with self._lock:
            if self._timer.finished.is_set():
                return
            self._monitor = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
                self._run_id,
                sampling_interval=_SAMPLE_SECONDS,
                samples_before_logging=_SAMPLES,
                tracking_uri=self._client.tracking_uri,
                resume_logging=self._goes_on,
            )
            self._monitor.start()
