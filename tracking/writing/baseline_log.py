"""The record of a control, which is written when it has ended."""

from __future__ import annotations

import time

from mlflow import MlflowClient
from mlflow.entities import RunTag

from tracking.records import ControlRecord
from tracking.schema import plan_layout, trial_layout
from tracking.schema.condition import HALF_CONTROL


def write_control(
    client: MlflowClient, experiment: str, parent: str, control: ControlRecord
) -> None:
    """Write a control of a study, whole or not at all.

    Args:
        experiment: the study's, by id.
        parent: the study's own run, by id.
    """
    ended = int(time.time() * 1000)
    run = client.create_run(
        experiment,
        start_time=ended - round(1000 * control.seconds),
        run_name=control.name,
        tags={"kind": HALF_CONTROL, "mlflow.parentRunId": parent},
    )
    run_id = run.info.run_id
    plan = plan_layout.read_plan(client, client.get_run(parent))
    numbers, tags = trial_layout.write_score(client, run_id, control.score, plan.data.classes)
    client.log_batch(run_id, metrics=numbers, tags=[RunTag(*tag) for tag in tags.items()])
    client.set_terminated(run_id, end_time=ended)
    client.set_tag(run_id, "kind", "control")  # last: now it is whole
