"""Why a trial died is in both stores: real processes, each of which dies in its own way."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from search.attempt import server
from search.batches import Ragged
from search.datasets.cache import Dataset
from search.doctor import findings
from search.engines import Engine
from search.engines.journal import read_attempts
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.optuna import OptunaEngine
from search.places import Place
from search.pool import Pool
from search.study import Coordinator
from spaces.studies import STUDIES
from tests.builders import place_database
from tests.coordinator import RECORD, Watching
from tracking import store

PLAN = replace(STUDIES["lstm"], references=()).with_max_epochs(1).with_budget(1, None)
HANGS_SECONDS = 2.0


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    with server():
        yield


class ExceedsItsLimit(Dataset):
    """A data set that is too large for the memory that the system allows the process."""

    def tokens(self, part: str) -> Ragged:
        resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
        np.zeros(2**35, np.uint8)
        return super().tokens(part)


class IsKilled(Dataset):
    """As the system does when memory runs out."""

    def tokens(self, part: str) -> Ragged:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().tokens(part)


class Aborts(Dataset):
    """As a library does that finds itself in a state it cannot be in."""

    def tokens(self, part: str) -> Ragged:
        os.write(2, b"terminate called\n")
        os.abort()


class Faults(Dataset):
    """As one does that reads where it may not."""

    def tokens(self, part: str) -> Ragged:
        os.kill(os.getpid(), signal.SIGSEGV)
        return super().tokens(part)


class Hangs(Dataset):
    """As one does that waits for what never comes."""

    def tokens(self, part: str) -> Ragged:
        time.sleep(600)
        return super().tokens(part)


# How a trial dies, whether it is made once more, and what is then on record.
DEATHS = {
    "memory limit": (ExceedsItsLimit, False, "out of memory"),
    "killed": (IsKilled, True, "its process was killed, most likely because memory ran out"),
    "abort": (Aborts, True, "its process ended by SIGABRT. Its last words: terminate called"),
    "segmentation fault": (Faults, True, "its process ended by SIGSEGV. Its last words: "),
    "hang": (Hangs, False, "was not done after 2 s (--trial-timeout)"),
}


def opened(root: Path, name: str, owner: str) -> Engine:
    if name == "keras-tuner":
        return KerasTunerEngine(root / "s.jsonl", owner, PLAN, seed=7, sampler="random")
    return OptunaEngine(root / "optuna.db", "s", owner, PLAN, seed=7, sampler="tpe", pruner="none")


def remembered(root: Path, name: str, owner: str) -> list[str]:
    """Give the reasons that an engine has, read as somebody else would."""
    if name == "keras-tuner":
        attempts = read_attempts(root / "s.jsonl", owner)
        return [attempt.reason for attempt in attempts.values()]
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{root / 'optuna.db'}")
    return [trial.user_attrs["reason"] for trial in study.trials]


@pytest.mark.parametrize("engine", ["optuna", "keras-tuner"])
@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_why_a_trial_died_is_in_both_stores(
    tmp_path: Path, tiny_dataset: Dataset, engine: str, death: tuple[Any, bool, str]
) -> None:
    kind, again, reason = death
    data = kind(**vars(tiny_dataset))
    root = place_database(tmp_path / "mlruns")
    record = replace(RECORD, data=data.record, engine=engine, plan=PLAN.name)
    records = store.open_study(root, record, fresh=False)
    limit = HANGS_SECONDS if kind is Hangs else None
    place = Place(partial(Pool, 1, time_limit=limit), 1, n_threads=1, is_here=True, outlives=True)
    Coordinator(
        PLAN,
        opened(root, engine, records.parent),
        records,
        data,
        Watching(),
        lambda: None,
        place,
    ).run()
    trials = store.read_study(root, "s").trials
    assert [(trial.state, trial.void) for trial in trials] == (
        [("failed", True), ("failed", False)] if again else [("failed", False)]
    )
    reasons = [trial.reason for trial in trials]
    assert all(reason in said for said in reasons), reasons
    assert remembered(root, engine, records.parent) == reasons
    assert store.condition(root, "s").faults == ()
    if engine == "optuna":
        assert findings(root, "s") == []
