"""Find the runs of a study in MLflow, by what kind they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from alembic.util import CommandError
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tracking.commandline.errors import is_outage
from tracking.connection import address
from tracking.connection.client import PatientClient
from tracking.connection.retry import Patience

for _chatty in ("mlflow", "alembic"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

_PAGE = 1_000


def connect(root: Path, patience: Patience | None = None) -> MlflowClient:
    """Connect to the records, wherever they are."""
    artifacts = None if address.on_server() else root / "artifacts"
    try:
        return PatientClient(address.tracking_uri(root), patience or Patience(), artifacts)
    except (MlflowException, CommandError) as error:
        if is_outage(error):
            raise
        raise address.unusable(root, error) from error


def experiment_of(client: MlflowClient, study: str) -> str:
    """Return the id of the experiment that holds a study."""
    found = client.get_experiment_by_name(study)
    assert found is not None
    return str(found.experiment_id)


def parent_of(client: MlflowClient, experiment: str) -> Run | None:
    """Return the run that stands for the study as a whole."""
    return next(of_kind(client, experiment, "study"), None)


def of_kind(client: MlflowClient, experiment: str, kind: str, also: str = "") -> Iterator[Run]:
    """Return all runs with this tag.

    Args:
        also: what else must hold of them, as MLflow's search writes it.
    """
    wanted = " and ".join(part for part in (f"tags.kind = '{kind}'", also) if part)
    token = None
    while True:
        page = client.search_runs([experiment], wanted, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
