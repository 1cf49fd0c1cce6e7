"""Make what a new study needs in MLflow: database, experiment, parent run, published accuracies.

Each is whole or absent, so that a start which was cut short can be made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.commandline.errors import UserError
from tracking.connection import address
from tracking.connection.initialise import initialising
from tracking.connection.metrics import metrics
from tracking.connection.runs import of_kind
from tracking.records import BaselineRecord, PlanRecord, Value
from tracking.schema import params_layout, plan_layout

_LINES = ("baseline", "reference")
_RESULTS = ("trial", "simple baseline", "rerun", "pruning audit", "test evaluation")
_HALF_LINE = "half a line"  # what it is called until it is whole


def create_database(root: Path) -> None:
    """Make the database of the records, if it is not there; a server has its own.

    A file is made whole or not at all: MLflow cannot open one whose making was cut short.
    """
    there = address.exists(root)
    if address.named():
        if not there:
            uri = address.tracking_uri(root)
            with initialising(uri):
                MlflowClient(tracking_uri=uri).search_experiments()
        return
    database = address.database(root)
    if not there:
        new = database.with_suffix(".new")
        new.unlink(missing_ok=True)
        MlflowClient(tracking_uri=address.sqlite_uri(new)).search_experiments()
        new.replace(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def open_experiment(client: MlflowClient, root: Path, study: str, *, fresh: bool) -> str:
    found = client.get_experiment_by_name(study)
    if found is not None:
        experiment = str(found.experiment_id)
        deleted = found.lifecycle_stage == "deleted"  # in the UI; its name is still taken
        if not (fresh or deleted):
            return experiment
        if deleted:
            client.restore_experiment(experiment)
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        client.rename_experiment(experiment, f"{study}-until-{stamp}")
        if deleted:
            client.delete_experiment(experiment)
    if address.on_server():
        return str(client.create_experiment(study))  # the server knows where its files go
    artifacts = root / "artifacts"
    artifacts.mkdir(exist_ok=True)
    return str(client.create_experiment(study, artifacts.as_uri()))


def create_parent(client: MlflowClient, experiment: str, plan: PlanRecord) -> Run:
    leftovers = list(client.search_runs([experiment]))  # of a start that was cut short
    if any(run.data.tags.get("kind") in _RESULTS for run in leftovers):
        raise UserError(
            f"the parent run of study {plan.study} was deleted, but its trials are there. "
            "Restore it in the MLflow UI, or add --fresh to put them aside and start anew."
        )
    for run in leftovers:
        client.delete_run(run.info.run_id)
    tags = {"mlflow.note.content": plan.question, plan_layout.SCHEMA_TAG: plan_layout.SCHEMA}
    parent = client.create_run(experiment, run_name=plan.study, tags=tags)
    plan_layout.write_plan(client, parent.info.run_id, plan)
    client.set_tag(parent.info.run_id, "kind", "study")  # last: now it is whole
    return client.get_run(parent.info.run_id)


def create_lines(client: MlflowClient, experiment: str, plan: PlanRecord) -> None:
    """Make runs of what was published, those that are missing.

    Each has the same accuracy at every epoch: a line in the UI's own charts, beside any trial.
    """
    for old in of_kind(client, experiment, "baseline"):
        if not any(_is_line_of(old, baseline) for baseline in plan.baselines[:1]):
            client.delete_run(old.info.run_id)  # the person has given another
    there = {run.info.run_name for kind in _LINES for run in of_kind(client, experiment, kind)}
    for half in of_kind(client, experiment, _HALF_LINE):
        client.delete_run(half.info.run_id)
    published = "A published test accuracy, not one on validation: "
    lines: list[tuple[str, str, float, str, Mapping[str, Value]]] = [
        ("baseline", b.name, b.accuracy, f"{published if b.is_published else ''}{b.source}", {})
        for b in plan.baselines[:1]
    ]
    lines += [
        ("reference", f"reference-{r.name}", r.published, f"{published}{r.source}", r.params)
        for r in plan.references
        if r.published is not None
    ]
    for kind, name, accuracy, note, params in lines:
        if name not in there:
            tags = {"kind": _HALF_LINE, "mlflow.note.content": note}
            run_id = client.create_run(experiment, run_name=name, tags=tags).info.run_id
            params_layout.write_params(client, run_id, params)
            _write_line(client, run_id, accuracy, plan.max_epochs)
            client.set_tag(run_id, "kind", kind)  # last: now it is whole


def _is_line_of(run: Run, baseline: BaselineRecord) -> bool:
    accuracy = run.data.metrics.get("best_val_accuracy", baseline.accuracy)
    return run.info.run_name == baseline.name and accuracy == baseline.accuracy


def _write_line(client: MlflowClient, run_id: str, accuracy: float, n_epochs: int) -> None:
    values = {"val_accuracy": accuracy, "best_val_accuracy": accuracy}
    epochs = range(1, n_epochs + 1)
    points = [point for epoch in epochs for point in metrics(values, epoch)]
    client.log_batch(run_id, metrics=points)
    client.set_terminated(run_id)
