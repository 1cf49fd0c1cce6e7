"""Why a trial died is on record: real processes, each of which dies in its own way."""

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
import pytest

from search.audit import audit
from search.coordinator.loop import Coordinator
from search.datasets.batches import Ragged
from search.datasets.cache import Dataset
from search.engines.optuna.optuna_engine import OptunaEngine
from search.workers.executor import Place
from search.workers.process_pool import Pool
from search.workers.trial_process import server
from spaces.studies import STUDIES
from tests.builders import place_database
from tests.coordinator import RECORD, Silent
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


# How a trial dies, whether it is tried once more, and what is then on record.
DEATHS = {
    "memory limit": (ExceedsItsLimit, False, "out of memory"),
    "killed": (IsKilled, True, "its process was killed, most likely because memory ran out"),
    "abort": (Aborts, True, "its process ended by SIGABRT. Its last words: terminate called"),
    "segmentation fault": (Faults, True, "its process ended by SIGSEGV. Its last words: "),
    "hang": (Hangs, False, "was not done after 2 s (--trial-timeout)"),
}


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_why_a_trial_died_is_on_record(
    tmp_path: Path, tiny_dataset: Dataset, death: tuple[Any, bool, str]
) -> None:
    kind, again, reason = death
    data = kind(**vars(tiny_dataset))
    root = place_database(tmp_path / "mlruns")
    record = replace(RECORD, data=data.record, plan=PLAN.name)
    limit = HANGS_SECONDS if kind is Hangs else None
    Coordinator(
        PLAN,
        OptunaEngine(PLAN, seed=7, sampler="random", pruner="none"),
        store.open_study(root, record, fresh=False),
        data,
        Silent(),
        lambda: None,
        Place(partial(Pool, 1, time_limit=limit), 1, n_threads=1, is_here=True),
        root / "s.trials",
    ).run()
    study = store.read_study(root, "s")
    (trial,) = study.trials
    assert (trial.state, trial.deaths) == ("failed", int(again))
    assert reason in trial.reason
    assert audit(study, store.condition(root, "s")) == []
    assert not (root / "s.trials").exists()
