"""A start of a study without Keras, in a process of its own: lock and records."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# What every start needs, and would load when it needs it: here, so that it is loaded once for all.
import alembic.command  # noqa: F401
import mlflow.store.tracking.sqlalchemy_store  # noqa: F401
import sqlalchemy.orm
from mlflow import MlflowClient

from search.coordinator.lock import alone
from tests.coordinator import RECORD
from tracking import store
from tracking.commandline.errors import UserError
from tracking.commandline.paths import TRACKING_URI

GIVE_UP_SECONDS = 60
_CONTEXT = multiprocessing.get_context("forkserver")
sqlalchemy.orm.configure_mappers()


@dataclass(frozen=True)
class Started:
    """What came of a start.

    Attributes:
        parent: the run of the study, of the one that may work on it.
        refused: the line that is said to the others.
        fault: a traceback, which nobody should see.
    """

    parent: str = ""
    refused: str = ""
    fault: str = ""


def start_at_once(studies: Sequence[tuple[Path, str]]) -> list[Started]:
    """Start studies at the same moment; end all of them when each has said how it went.

    Args:
        studies: the folder and the name of each.
    """
    _CONTEXT.set_forkserver_preload([__name__])
    gate, over = _CONTEXT.Barrier(len(studies)), _CONTEXT.Event()
    said: Any = _CONTEXT.Queue()
    # The server that they are forked from keeps the variables that it was born with.
    places = {name: os.environ[name] for name in (TRACKING_URI,) if name in os.environ}
    starts = [
        _CONTEXT.Process(target=_start, args=(root, study, places, gate, over, said))
        for root, study in studies
    ]
    for one in starts:
        one.start()
    try:
        return [said.get(timeout=GIVE_UP_SECONDS) for _ in starts]
    finally:
        over.set()
        for one in starts:
            one.join(GIVE_UP_SECONDS)
            one.kill()


def _start(
    root: Path, study: str, places: dict[str, str], gate: Any, over: Any, said: Any
) -> None:
    os.environ.update(places)
    try:
        gate.wait(GIVE_UP_SECONDS)
        root.mkdir(parents=True, exist_ok=True)
        with alone(root, study):
            records = store.open_study(root, replace(RECORD, study=study), fresh=False)
            records.begin()
            said.put(Started(parent=records.parent))
            over.wait(GIVE_UP_SECONDS)
    except UserError as error:
        said.put(Started(refused=str(error)))
    except BaseException:
        said.put(Started(fault=traceback.format_exc()))


def experiments(uri: str) -> dict[str, int]:
    """Return the studies that MLflow has, and how many runs stand for each."""
    client = MlflowClient(uri)
    found = client.search_experiments()
    return {
        experiment.name: len(client.search_runs([experiment.experiment_id], "tags.kind = 'study'"))
        for experiment in found
        if experiment.name != "Default"
    }
