"""How the epochs and rungs of a trial lie in MLflow. What is written here is read here.

rung      metrics named rung_..., at step 0
epochs    one metric a field, one step an epoch; when it has ended, curves.csv, which is read
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields
from statistics import median
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from tracking.connection.files import read_text
from tracking.connection.metrics import metrics, read_number
from tracking.records import EpochRecord, RungRecord

_EPOCH = tuple(field.name for field in fields(EpochRecord) if field.name != "epoch")
_RUNG = tuple(field.name for field in fields(RungRecord))


def numbers(record: EpochRecord) -> list[Metric]:
    """Return an epoch's numbers, as of now; they are written in one batch, or not at all."""
    values = {**{name: getattr(record, name) for name in _EPOCH}, "gap": record.gap}
    known = {name: value for name, value in values.items() if value is not None}
    return metrics(known, record.epoch)


def write_rung(client: MlflowClient, run_id: str, rung: RungRecord) -> None:
    values = {f"rung_{name}": getattr(rung, name) for name in _RUNG}
    client.log_batch(run_id, metrics=metrics(values, 0))


def write_curves(client: MlflowClient, run_id: str, epochs: Sequence[EpochRecord]) -> None:
    names = ("epoch", *_EPOCH)
    rows = [[getattr(epoch, name) for name in names] for epoch in epochs]
    lines = [",".join("" if value is None else repr(value) for value in row) for row in rows]
    client.log_text(run_id, "\n".join([",".join(names), *lines, ""]), "curves.csv")


def cost(epochs: Sequence[EpochRecord]) -> list[Metric]:
    """Return what a trial cost as single numbers, to sort by; reading derives them again."""
    if not epochs:
        return []
    known = {"seconds_per_epoch": median(epoch.seconds for epoch in epochs)}
    if epochs[0].first_batch_seconds is not None:
        known["trace_seconds"] = epochs[0].first_batch_seconds
    return metrics(known, epochs[-1].epoch)


def last_sign_of_life(client: MlflowClient, run: Run) -> int:
    """When a trial last wrote something, in milliseconds since 1970."""
    history = client.get_metric_history(run.info.run_id, "seconds")
    return int(max([run.info.start_time, *(metric.timestamp for metric in history)]))


def read_rung(run: Run) -> RungRecord | None:
    found = run.data.metrics
    if f"rung_{_RUNG[-1]}" not in found:
        return None
    return RungRecord(**{name: found[f"rung_{name}"] for name in _RUNG})


def read_epochs(client: MlflowClient, run: Run, *, ended: bool) -> tuple[EpochRecord, ...]:
    """Return the epochs of a training.

    Args:
        ended: its curves.csv can be read. Where that is gone or cut, the metrics have the same.
    """
    table = read_curves(client, run) if ended else None
    if table is not None:
        return table
    rows: dict[int, dict[str, float]] = {}
    for name in _EPOCH:
        if name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                rows.setdefault(metric.step, {})[name] = read_number(metric.value)
    missing: dict[str, Any] = dict.fromkeys(_EPOCH)  # no validation, or not measured then
    return tuple(EpochRecord(epoch=step, **{**missing, **rows[step]}) for step in sorted(rows))


def read_curves(client: MlflowClient, run: Run) -> tuple[EpochRecord, ...] | None:
    """Return the epochs in curves.csv; None if it is gone or cut."""
    text = read_text(client, run, "curves.csv") or ""
    if not text.endswith("\n"):
        return None
    try:
        return tuple(_epoch(row) for row in csv.DictReader(text.splitlines()))
    except (KeyError, ValueError, TypeError):
        return None


def _epoch(row: Mapping[str, str]) -> EpochRecord:
    values: dict[str, Any] = {
        name: float(value) if value else None for name, value in row.items() if name in _EPOCH
    }
    return EpochRecord(epoch=int(row["epoch"]), **values)
