"""MLflow's client, which waits while the records do not answer (tracking/connection/retry.py)."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, Run
from mlflow.exceptions import MlflowException

from tracking.commandline.errors import UserError
from tracking.connection import durable
from tracking.connection.files import folder_of, inside
from tracking.connection.retry import Patience

STORE = "the tracking store"
_DELETED = "must be in the 'active' state"  # what MLflow says of a run that is written to

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
        try:
            return client.patience.insist(STORE, lambda: method(client, *args, **kwargs))
        except MlflowException as error:
            if _DELETED not in str(error):
                raise
            raise UserError(
                f"run {args[0]} was deleted in MLflow while it was written. The same command goes "
                "on from here, and makes its trial again; or restore it in the MLflow UI first."
            ) from error

    return call


class PatientClient(MlflowClient):
    """MLflow's client. What is not named here is done once, as when a study is opened."""

    def __init__(
        self, tracking_uri: str, patience: Patience, artifacts: Path | None = None
    ) -> None:
        """Connect.

        Args:
            artifacts: the folder of all files; None if a server keeps them.
        """
        super().__init__(tracking_uri)
        self.patience = patience
        self.artifacts = artifacts
        self._folders: dict[str, Path | None] = {}  # of runs that have not ended

    get_run = _repeatable(MlflowClient.get_run)
    search_runs = _repeatable(MlflowClient.search_runs)
    get_metric_history = _repeatable(MlflowClient.get_metric_history)
    get_logged_model = _repeatable(MlflowClient.get_logged_model)
    get_experiment_by_name = _repeatable(MlflowClient.get_experiment_by_name)
    search_experiments = _repeatable(MlflowClient.search_experiments)
    list_artifacts = _repeatable(MlflowClient.list_artifacts)
    download_artifacts = _repeatable(MlflowClient.download_artifacts)

    update_run = _repeatable(MlflowClient.update_run)
    _set_terminated = _repeatable(MlflowClient.set_terminated)
    delete_run = _repeatable(MlflowClient.delete_run)
    set_tag = _repeatable(MlflowClient.set_tag)
    log_batch = _repeatable(MlflowClient.log_batch)  # equal metrics are kept once
    log_inputs = _repeatable(MlflowClient.log_inputs)
    _send_text = _repeatable(MlflowClient.log_text)
    _send_file = _repeatable(MlflowClient.log_artifact)
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
        run = self.patience.insist(
            STORE, lambda: create(experiment_id, began, tags, run_name), made
        )
        self._folders[run.info.run_id] = folder_of(self, run)
        return run

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        self._set_terminated(run_id, status, end_time)
        self._folders.pop(run_id, None)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write a file of a run: here, if it is here, which takes MLflow five times as long."""
        here = self._folder(run_id)
        if here is None:
            self._send_text(run_id, text, artifact_file)
        else:
            durable.write(inside(here, *artifact_file.split("/")), text.encode("utf-8"))

    def log_dict(self, run_id: str, dictionary: dict[str, Any], artifact_file: str) -> None:
        self.log_text(run_id, json.dumps(dictionary, indent=2, default=str), artifact_file)

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        here = self._folder(run_id)
        if here is None:
            self._send_file(run_id, local_path, artifact_path)
        else:
            file = Path(local_path)
            durable.write(inside(here / (artifact_path or ""), file.name), file.read_bytes())

    def _folder(self, run_id: str) -> Path | None:
        """The folder of a run's files; None if a server keeps them."""
        if run_id not in self._folders:
            self._folders[run_id] = folder_of(self, self.get_run(run_id))
        return self._folders[run_id]

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
