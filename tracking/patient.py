"""MLflow's client, which waits while the records do not answer (tracking/patience.py)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, Run

from tracking.patience import Patience

STORE = "the tracking store"

P = ParamSpec("P")
T = TypeVar("T")

# It writes a traceback at each attempt; what is waited for is said in one line.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
logging.getLogger("mlflow.system_metrics.system_metrics_monitor").setLevel(logging.ERROR)
# With a server it says on stdout which run it wrote to, and draws a bar for each small file.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# MLflow's own attempts at a server go on for minutes, say nothing, and Ctrl-C does not end them.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


def _repeatable(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[PatientClient, P], T]:
    """Let a method be tried again that does no harm when it is carried out twice."""

    def call(client: PatientClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.patience.insist(STORE, lambda: method(client, *args, **kwargs))

    return call


class PatientClient(MlflowClient):
    """MLflow's client. What is not named here is done once, as when a study is opened."""

    def __init__(self, tracking_uri: str, patience: Patience) -> None:
        super().__init__(tracking_uri)
        self.patience = patience

    get_run = _repeatable(MlflowClient.get_run)
    search_runs = _repeatable(MlflowClient.search_runs)
    get_metric_history = _repeatable(MlflowClient.get_metric_history)
    get_experiment_by_name = _repeatable(MlflowClient.get_experiment_by_name)
    search_experiments = _repeatable(MlflowClient.search_experiments)
    list_artifacts = _repeatable(MlflowClient.list_artifacts)
    download_artifacts = _repeatable(MlflowClient.download_artifacts)

    update_run = _repeatable(MlflowClient.update_run)
    set_terminated = _repeatable(MlflowClient.set_terminated)
    delete_run = _repeatable(MlflowClient.delete_run)
    set_tag = _repeatable(MlflowClient.set_tag)
    log_batch = _repeatable(MlflowClient.log_batch)  # equal metrics are kept once
    log_inputs = _repeatable(MlflowClient.log_inputs)
    log_dict = _repeatable(MlflowClient.log_dict)
    log_text = _repeatable(MlflowClient.log_text)
    log_artifact = _repeatable(MlflowClient.log_artifact)
    log_model_artifacts = _repeatable(MlflowClient.log_model_artifacts)
    finalize_logged_model = _repeatable(MlflowClient.finalize_logged_model)
    delete_logged_model = _repeatable(MlflowClient.delete_logged_model)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Create a run, once: one of this name that began in this millisecond is it."""
        began = int(time.time() * 1000) if start_time is None else start_time

        def made() -> Run | None:
            found = self.search_runs([experiment_id], f"attributes.start_time = {began}")
            return next((run for run in found if run.info.run_name == run_name), None)

        create = super().create_run
        return self.patience.insist(
            STORE, lambda: create(experiment_id, began, tags, run_name), made
        )

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag, once: MLflow refuses to delete one that is not there."""

        def made() -> bool | None:
            return key not in self.get_run(run_id).data.tags or None

        delete = super().delete_tag
        self.patience.insist(STORE, lambda: delete(run_id, key) or True, made)

    def create_logged_model(
        self, experiment_id: str, name: str | None = None, *args: Any, **kwargs: Any
    ) -> LoggedModel:
        """Create the model of a run, once."""
        run_id = kwargs.get("source_run_id")

        def made() -> LoggedModel | None:
            wanted = f"source_run_id = '{run_id}'"
            found = self.search_logged_models([experiment_id], wanted) if run_id else []
            return next(iter(found), None)

        create = super().create_logged_model
        return self.patience.insist(
            STORE, lambda: create(experiment_id, name, *args, **kwargs), made
        )

    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        """Link a run to its models, once."""

        def made() -> bool | None:
            outputs = self.get_run(run_id).outputs
            linked = {link.model_id for link in outputs.model_outputs} if outputs else set()
            return linked >= {model.model_id for model in models} or None

        log = super().log_outputs
        self.patience.insist(STORE, lambda: log(run_id, models) or True, made)
