"""Whether the files of a run are whole: what a kill or a full disk may have left half.

Files on a tracking server are copied here to be looked at, one after the other.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tracking.connection import files
from tracking.connection.damage import Unreadable
from tracking.models import kept_models
from tracking.schema import epochs_layout, evaluation_layout, trial_layout

Shape = tuple[int, int]


def torn_files(client: MlflowClient, run: Run) -> Iterator[str]:
    """Name the JSON files of a run that cannot be read."""
    for name in files.names(client, run):
        if name.endswith(".json") and _is_torn_json(client, run, name):
            yield name


def faults_of_trial(client: MlflowClient, run: Run) -> Iterator[str]:
    """Say what is half of a trial that has ended."""
    yield from _faults_of_training(client, run)
    kept = kept_models.is_kept(client, run)
    if kept_models.is_left(client, run) and not kept:
        yield "half a model is left of it"
    elif kept and _is_torn_model(lambda: kept_models.fetch(client, run)):
        yield "its model cannot be read"


def faults_of_rerun(client: MlflowClient, run: Run, shape: Shape) -> Iterator[str]:
    """Say what is half of a rerun that has ended.

    Args:
        shape: of the predictions: validation texts, classes.
    """
    yield from _faults_of_training(client, run)
    there = files.names(client, run)
    if evaluation_layout.MODEL in there:
        with files.at_hand(client, run, evaluation_layout.MODEL) as model:
            if _is_torn_archive(model):
                yield "its model cannot be read"
    if evaluation_layout.PREDICTIONS in there:
        yield from _faults_of_predictions(client, run, shape)
    elif trial_layout.read_state(run) == "complete":
        yield f"its {evaluation_layout.PREDICTIONS} is missing"


def faults_of_evaluation(client: MlflowClient, run: Run) -> Iterator[str]:
    """Say what is half of a test evaluation; one that was cut short is none."""
    needed = ["seal.json"] + (["evaluations.json"] if evaluation_layout.is_opened(run) else [])
    there = files.names(client, run)
    for name in needed:
        if name not in there:
            yield f"its {name} is missing"
        elif _is_torn_json(client, run, name):
            yield f"{name} cannot be read"


def faults_of_ranking(client: MlflowClient, parent: Run) -> Iterator[str]:
    """Say what is half of what the final evaluation found on validation."""
    if evaluation_layout.RANKING in parent.data.tags:
        name = evaluation_layout.ranking_file(parent)
        if not files.has(client, parent, name):
            yield f"{name} is missing"
        elif _is_torn_json(client, parent, name):
            yield f"{name} cannot be read"


def _faults_of_training(client: MlflowClient, run: Run) -> Iterator[str]:
    if run.info.status == "RUNNING":
        yield "it has ended, but its run is marked as running"
    for name in torn_files(client, run):
        yield f"{name} cannot be read"
    ran = "seconds" in run.data.metrics
    if ran and epochs_layout.read_curves(client, run) is None:
        yield "curves.csv is gone or cut, so its epochs are read from its metrics"


def _faults_of_predictions(client: MlflowClient, run: Run, shape: Shape) -> Iterator[str]:
    name = evaluation_layout.PREDICTIONS
    with files.at_hand(client, run, name) as file:
        try:
            found = np.load(file, mmap_mode="r").shape
        except (ValueError, OSError, EOFError):
            yield f"{name} cannot be read"
            return
    if found != shape:
        yield f"{name} is of shape {found}, but there are {shape[0]} texts of {shape[1]} classes"


def _is_torn_json(client: MlflowClient, run: Run, name: str) -> bool:
    try:
        json.loads(files.read_text(client, run, name) or "")
    except (ValueError, Unreadable):
        return True
    return False


def _is_torn_model(fetch: Callable[[], Path]) -> bool:
    try:
        return _is_torn_archive(fetch())
    except (OSError, MlflowException):  # a server has none
        return True


def _is_torn_archive(model: Path) -> bool:
    """Tell it by the checksums within: Keras' files are zip archives."""
    try:
        with zipfile.ZipFile(model) as archive:
            return archive.testzip() is not None
    except (OSError, zipfile.BadZipFile):
        return True
