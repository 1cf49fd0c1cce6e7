"""What a coordinator that is gone left behind, closed or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking import epochs_layout, files, layout, models
from tracking.damage import Unreadable
from tracking.trial_log import TrialLog
from tracking.wholeness import torn_files


def repair(
    client: MlflowClient, half_controls: Iterable[Run], trials: Iterable[Run]
) -> Iterator[str]:
    """Close what an earlier process left open, and delete what it left half.

    Yields:
        what was changed, a sentence each. Doing it twice changes nothing.
    """
    for run in half_controls:
        client.delete_run(run.info.run_id)
        yield f"half of control {run.info.run_name} was deleted"
    for run in trials:
        with suppress(Unreadable):  # it is left as it is, and named by whoever reads the study
            number = layout.read_number(run)
            files.folder_of(client, run)  # nothing is changed where that is not its own
            yield from (f"trial {number}: {what}" for what in _repair(client, run))


def _repair(client: MlflowClient, run: Run) -> Iterator[str]:
    state = layout.read_state(run)
    log = TrialLog(client, run.info.run_id)
    if state == "running":
        epochs = layout.read_trial(client, run).epochs
        epochs_layout.write_curves(client, run.info.run_id, epochs)
        log.close(
            "failed",
            None,
            reason="its coordinator was gone",
            void=True,
            ended=epochs_layout.last_sign_of_life(client, run),
        )
        yield "it was running, and is void: it will be made again"
    elif run.info.status == "RUNNING":  # killed between the last two writes
        client.set_terminated(run.info.run_id, layout.STATUS[state])
        yield "its run was marked as running, and is closed"
    run = client.get_run(run.info.run_id)
    kept = models.is_kept(client, run)
    if models.is_left(client, run) and (layout.is_void(run) or not kept):
        log.drop_model()
        yield "what was left of its model was deleted"
    for name in list(torn_files(client, run)) if layout.is_void(run) else ():
        files.delete(client, run, name)
        yield f"half of {name} was deleted"
