"""The record of a simple baseline, which is written when it has ended."""

from __future__ import annotations

import time

from mlflow import MlflowClient
from mlflow.entities import RunTag

from tracking.records import SimpleBaselineRecord
from tracking.schema import plan_layout, trial_layout
from tracking.schema.condition import HALF_SIMPLE_BASELINE


def write_simple_baseline(
    client: MlflowClient, experiment: str, parent: str, simple_baseline: SimpleBaselineRecord
) -> None:
    """Write a simple baseline of a study, whole or not at all.

    Args:
        experiment: the study's, by id.
        parent: the study's own run, by id.
    """
    ended = int(time.time() * 1000)
    run = client.create_run(
        experiment,
        start_time=ended - round(1000 * simple_baseline.seconds),
        run_name=simple_baseline.name,
        tags={"kind": HALF_SIMPLE_BASELINE, "mlflow.parentRunId": parent},
    )
    run_id = run.info.run_id
    plan = plan_layout.read_plan(client, client.get_run(parent))
    numbers, tags = trial_layout.write_score(
        client, run_id, simple_baseline.score, plan.data.classes
    )
    client.log_batch(run_id, metrics=numbers, tags=[RunTag(*tag) for tag in tags.items()])
    client.set_terminated(run_id, end_time=ended)
    client.set_tag(run_id, "kind", "simple baseline")  # last: now it is whole
