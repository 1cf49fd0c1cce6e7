"""What a process that was killed left half in a study, closed or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.connection import files
from tracking.connection.damage import Unreadable
from tracking.models import kept_models
from tracking.schema import trial_layout
from tracking.writing.trial_log import TrialLog


def repair(
    client: MlflowClient, half_simple_baselines: Iterable[Run], trials: Iterable[Run]
) -> Iterator[str]:
    """Close what an earlier process left open, and delete what it left half.

    A trial that was under way stays so: it is continued. One that has no parameters yet was about
    to begin: it is proposed again.

    Yields:
        what was changed, a sentence each. Doing it twice changes nothing.
    """
    for run in half_simple_baselines:
        client.delete_run(run.info.run_id)
        yield f"half of simple baseline {run.info.run_name} was deleted"
    for run in trials:
        with suppress(Unreadable):  # it is left as it is, and named by whoever reads the study
            number = trial_layout.read_number(run)
            files.folder_of(client, run)  # nothing is changed where that is not its own
            if not run.data.params and trial_layout.read_state(run) in ("running", "interrupted"):
                client.delete_run(run.info.run_id)
                yield f"trial {number}: half of its record was deleted"
                continue
            yield from (f"trial {number}: {what}" for what in _repair(client, run))


def _repair(client: MlflowClient, run: Run) -> Iterator[str]:
    state = trial_layout.read_state(run)
    if state != "running" and run.info.status == "RUNNING":  # killed between the last two writes
        client.set_terminated(run.info.run_id, trial_layout.STATUS[state])
        yield "its run was marked as running, and is closed"
    if kept_models.is_left(client, run) and not kept_models.is_kept(client, run):
        TrialLog(client, run.info.run_id).drop_model()
        yield "what was left of its model was deleted"
