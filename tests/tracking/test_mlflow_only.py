"""With MLflow's own client alone one finds all of a study, prunes and failures included."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from dashboards import build
from tests.builders import (
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    write_trial,
)
from tests.mlflow_only import missing


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A study with a best, a pruned, a failed and an interrupted trial, and its page."""
    root = place_database(tmp_path / "mlruns")
    study = build_study(
        build_trial(0, 0.80, 0.85),
        build_trial(1, 0.70, state="pruned", reason="below its peers after epoch 1"),
        build_trial(2, 0.60, state="failed", reason="Traceback ...\nloss became nan in epoch 2"),
        build_trial(3, 0.50, state="interrupted", reason="cut short"),
        build_trial(4, 0.90, 0.91),
    )
    records = open_study(root, sampler="tpe", pruner="median")
    records.begin()
    for trial in study.trials:
        write_trial(records, trial, b"weights" if trial.score else None)
        records.update_summary()
        records.drop_models(keep_models=1)
    records.end(finished=True)
    monkeypatch.setattr(sys, "argv", ["build.py", "--study", "lstm"])
    assert build.main() == 0
    return client_of(root)


def test_nothing_is_missing_of_a_study_with_prunes_and_failures(client: MlflowClient) -> None:
    assert missing(client, "lstm") == []


def test_what_is_taken_away_is_missed(client: MlflowClient) -> None:
    experiment = client.get_experiment_by_name("lstm").experiment_id
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment])}
    client.delete_tag(runs["trial-0002-lstm"], "trial.reason")
    client.set_terminated(runs["trial-0001-lstm"], "FINISHED")
    client.set_tag(runs["trial-0000-lstm"], "model.kept", "True")
    client.delete_run(runs["trial-0003-lstm"])
    client.delete_tag(runs["lstm"], "plan.sampler")
    assert sorted(missing(client, "lstm")) == [
        "the parent lacks the tag plan.sampler",
        "trial-0000-lstm: its model is not there",
        "trial-0001-lstm: pruned, but its status is FINISHED",
        "trial-0002-lstm: no reason",
    ]
