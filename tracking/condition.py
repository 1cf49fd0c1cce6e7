"""In what condition the records of a study are: whether a kill left anything half."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking import layout, models
from tracking.files import folder
from tracking.runs import of_kind

HALF_CONTROL = "half a control"  # the kind of a control until it is whole
MOST_TRIALS, BEST_TRIAL = "budget.trials", "best.trial"  # tags of the study's run


@dataclass(frozen=True)
class ConditionRecord:
    """What the study's own run says, and what is wrong with the files and runs below it.

    Attributes:
        running: it is marked as being worked on.
        most_trials: how many trials may have finished; None if that was not limited, or was not
            recorded (until 2026-11-24).
        best_trial: the number of the one it names as the best.
        faults: what is half, a sentence each.
    """

    running: bool
    most_trials: int | None
    best_trial: int | None
    faults: tuple[str, ...]


def read_condition(client: MlflowClient, experiment: str, parent: Run) -> ConditionRecord:
    """Look at every run and every file of a study. Trials under way may be half."""
    faults = [
        f"control {run.info.run_name} is half a one"
        for run in of_kind(client, experiment, HALF_CONTROL)
    ]
    for run in of_kind(client, experiment, "trial"):
        if layout.read_state(run) != "running":
            number = run.data.tags["trial.number"]
            faults += [f"trial {number}: {fault}" for fault in _faults(client, run)]
    tags = parent.data.tags
    return ConditionRecord(
        running=parent.info.status == "RUNNING",
        most_trials=int(tags[MOST_TRIALS]) if tags.get(MOST_TRIALS) else None,
        best_trial=int(tags[BEST_TRIAL]) if BEST_TRIAL in tags else None,
        faults=tuple(faults),
    )


def torn_files(run: Run) -> Iterator[Path]:
    """Give the JSON files of a run that cannot be read. Of files on a server it gives none."""
    here = folder(run.info.artifact_uri)
    for file in sorted(here.glob("*.json")) if here is not None else []:
        try:
            json.loads(file.read_bytes())
        except ValueError:
            yield file


def _faults(client: MlflowClient, run: Run) -> Iterator[str]:
    if run.info.status == "RUNNING":
        yield "it has ended, but its run is marked as running"
    kept = models.is_kept(client, run)
    if models.is_left(run) and (layout.is_void(run) or not kept):
        yield "half a model is left of it"
    elif kept and folder(run.info.artifact_uri) and _is_torn(models.fetch(client, run)):
        yield "its model cannot be read"
    for file in torn_files(run):
        yield f"{file.name} cannot be read"


def _is_torn(model: Path) -> bool:
    """Tell it by the checksums within: Keras' files are zip archives."""
    try:
        with zipfile.ZipFile(model) as archive:
            return archive.testzip() is not None
    except (OSError, zipfile.BadZipFile):
        return True
