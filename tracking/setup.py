"""Make what a new study needs in MLflow: the database, the experiment, the parent, the baseline.

Each is whole or absent, so that a start which was cut short can be made again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking import layout
from tracking.cli import UserError
from tracking.records import BaselineRecord, PlanRecord


def create_database(database: Path) -> None:
    """Make the file whole or not at all: MLflow cannot open one whose making was cut short."""
    if not database.is_file():
        new = database.with_suffix(".new")
        new.unlink(missing_ok=True)
        MlflowClient(tracking_uri=f"sqlite:///{new}").search_experiments()
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
    artifacts = root / "artifacts"
    artifacts.mkdir(exist_ok=True)
    return str(client.create_experiment(study, artifacts.as_uri()))


def create_parent(client: MlflowClient, experiment: str, plan: PlanRecord) -> Run:
    leftovers = list(client.search_runs([experiment]))  # of a start that was cut short
    if any(run.data.tags.get("kind", "baseline") != "baseline" for run in leftovers):
        raise UserError(
            f"the parent run of study {plan.study} was deleted, but its trials are there. "
            "Restore it in the MLflow UI, or add --fresh to put them aside and start anew."
        )
    for run in leftovers:
        client.delete_run(run.info.run_id)
    for baseline in plan.baselines[:1]:
        _create_line(client, experiment, baseline, plan.max_epochs)
    tags = {"mlflow.note.content": plan.question}
    parent = client.create_run(experiment, run_name=plan.study, tags=tags)
    layout.write_plan(client, parent.info.run_id, plan)
    client.set_tag(parent.info.run_id, "kind", "study")  # last: now it is whole
    return client.get_run(parent.info.run_id)


def _create_line(
    client: MlflowClient, experiment: str, baseline: BaselineRecord, n_epochs: int
) -> None:
    """Make a run with the same accuracy at every step: a line in the UI's own charts."""
    note = f"a test accuracy: {baseline.source}"
    tags = {"kind": "baseline", "mlflow.note.content": note}
    run_id = client.create_run(experiment, run_name=baseline.name, tags=tags).info.run_id
    values = {"val_accuracy": baseline.accuracy, "best_val_accuracy": baseline.accuracy}
    for epoch in range(1, n_epochs + 1):
        client.log_batch(run_id, metrics=layout.metrics(values, epoch))
    client.set_terminated(run_id)
