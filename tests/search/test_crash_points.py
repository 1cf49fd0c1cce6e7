"""A kill at every step of a trial's life: one restart, and all is as if it had not been.

The coordinator, both engines, and both stores are the real ones. Only the trial's process is a
stand-in: it gives one epoch and a score that depends on the trial's values alone. Each session is
a process of its own, forked from this one, which has loaded what costs seconds to load; it kills
itself at the step in question.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import signal
import sqlite3
import traceback
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras_tuner  # noqa: F401  before the processes are forked
import numpy as np
import optuna
import pytest

from search.attempt import Event
from search.batches import Ragged
from search.datasets.cache import Dataset
from search.doctor import findings, repair
from search.engines import Engine
from search.engines.journal import Journal
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.optuna import OptunaEngine
from search.places import Place
from search.study import Coordinator
from search.tasks import Task
from spaces.studies import STUDIES
from tests.builders import build_plan, place_database
from tests.coordinator import Silent
from tracking import layout, params_layout, store
from tracking.patient import PatientClient
from tracking.records import EpochRecord, ScoreRecord
from tracking.relocate import relocate
from tracking.trial_log import TrialLog
from tracking.writer import StudyStore

PLAN = STUDIES["lstm_dropout"].with_max_epochs(2).with_budget(3, None)
ENGINES = {"optuna": OptunaEngine, "keras-tuner": KerasTunerEngine}


class EightTexts(Dataset):
    """Stands in for a prepared data set, on no disk."""

    def tokens(self, part: str) -> Ragged:
        return Ragged(np.zeros(800, np.int32), np.arange(9) * 100)


PARTS = {"train": 8, "validation": 10}
DATA = EightTexts("tiny", "", False, ("neg", "pos"), "d", "s", PARTS, folder=Path("none"))


DEFAULTS = PLAN.complete({})


class OneAtATime:
    """Stands in for search.pool.Pool."""

    n_free = 1

    def __init__(self, *args: object) -> None:
        self._task: Task | None = None
        self._events: list[Event] = []

    def __enter__(self) -> OneAtATime:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def start(self, task: Task) -> None:
        digest = hashlib.sha256(repr((sorted(task.params.items()), task.seed)).encode()).digest()
        # Each is better than the defaults, so that its model is kept, and theirs is removed.
        n_changed = sum(task.params[name] != value for name, value in DEFAULTS.items())
        a = 0.5 + n_changed / 100 + int.from_bytes(digest[:4], "big") / 2**40
        with zipfile.ZipFile(task.model, "w") as model:
            model.writestr("weights", "0")
        score = ScoreRecord(1, a, a - 0.01, a + 0.01, 0.6, 0.9, 1_000, ((4, 1), (0, 5)))
        self._events = [EpochRecord(1, 0.5, 0.9, 0.6, a, 1e-3, 0.1, 500.0), score]
        self._task, self.n_free = task, 0

    def events(self, seconds: float) -> list[tuple[Task, Event]]:
        event = self._events.pop(0)
        assert self._task is not None
        return [(self._task, event)]

    def go_on(self, task: Task) -> None: ...

    def stop(self, task: Task) -> None:
        self.n_free = 1


@dataclass(frozen=True)
class Step:
    """A moment of a trial's life: before or after the n-th time that something is done."""

    owner: Any
    method: str
    after: bool = False
    n: int = 1

    def kill_there(self, patch: pytest.MonkeyPatch) -> None:
        original, times = getattr(self.owner, self.method), 0

        def killed(*args: Any, **kwargs: Any) -> Any:
            nonlocal times
            times += 1
            done = original(*args, **kwargs) if self.after or times < self.n else None
            if times == self.n:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        patch.setattr(self.owner, self.method, killed)


def steps(engine: str) -> dict[str, Step]:
    """Every step of a trial's life, in its order."""
    return {
        "after it is asked": Step(ENGINES[engine], "ask", after=True),
        "after its run is made": Step(params_layout, "write_params"),
        "before it trains": Step(StudyStore, "open_trial", after=True),
        "in mid-training": Step(TrialLog, "epoch", after=True),
        "with half a model": Step(PatientClient, "log_model_artifacts", after=True),
        "before it is recorded": Step(TrialLog, "close"),
        "while it is recorded": Step(layout, "write_score", after=True),
        "before its run is closed": Step(layout, "write_outcome", after=True),
        "before it is told": Step(ENGINES[engine], "tell"),
        "after it is told": Step(ENGINES[engine], "tell", after=True),
        "while a model is removed": Step(PatientClient, "delete_logged_model"),
        "before the standing is written": Step(StudyStore, "take_stock", n=2),
    }


def repair_steps(engine: str) -> dict[str, Step]:
    """Every step of putting right what a kill left."""
    return {
        "while its run is closed": Step(layout, "write_outcome", after=True),
        "after the runs are closed": Step(StudyStore, "begin", after=True),
        "while the engine is told": Step(
            *((optuna.Study, "tell") if engine == "optuna" else (Journal, "tell"))
        ),
        "after the engine is told": Step(ENGINES[engine], "reconcile", after=True),
    }


def in_a_process(work: Callable[[], object], step: Step | None = None) -> int:
    """Do something in a forked process, which kills itself at a step; give how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with pytest.MonkeyPatch.context() as patch:
                if step is not None:
                    step.kill_there(patch)
                work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def session(root: Path, engine: str, n_trials: int = 3) -> None:
    """Run the study to its end, as `search.run` does."""
    plan = PLAN.with_budget(n_trials, None)
    record = build_plan(study="s", plan=PLAN.name, data=DATA.record, engine=engine)
    records = store.open_study(root, replace(record, space={"a": "b"}), fresh=False)
    owner = records.parent
    opened: Engine = (
        OptunaEngine(root / "optuna.db", "s", owner, plan, seed=7, sampler="tpe", pruner="median")
        if engine == "optuna"
        else KerasTunerEngine(
            root / "keras_tuner" / "s.jsonl", owner, plan, seed=7, sampler="random"
        )
    )
    whole: Any = (plan, opened, records, DATA, Silent(), lambda: None)
    place = Place(OneAtATime, 1, n_threads=1, is_here=True, outlives=True)
    Coordinator(*whole, place, keep_models=1).run()


Result = list[tuple[dict[str, Any], int, str, str, float]]


def result(root: Path) -> tuple[Result, int]:
    """What a study found, and which trial is the best, counted from 0 over those that count."""
    trials = [trial for trial in store.read_study(root, "s").trials if not trial.void]
    found = [
        (dict(t.params), t.seed, t.origin, t.state, t.score.val_accuracy)
        for t in sorted(trials, key=lambda t: t.number)
        if t.score is not None
    ]
    best = store.read_study(root, "s").candidates[0]
    return found, trials.index(best)


def copied(root: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(root, tmp_path / "store"))
    relocate(copy)
    return copy


Begun = tuple[str, Path, tuple[Result, int]]


@pytest.fixture(scope="module")
def begun_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Begun]:
    """A study of one trial, and what it finds when it goes on to three undisturbed.

    One of each engine for all tests: a parameter of a fixture would make it anew for each.
    """

    @functools.cache
    def begun(engine: str) -> Begun:
        root = place_database(tmp_path_factory.mktemp("begun") / "mlruns")
        # Both here, so that what is looked up or loaded once is known to all forks.
        session(root, engine, 1)
        whole = copied(root, tmp_path_factory.mktemp("whole"))
        session(whole, engine)
        assert findings(whole, "s") == []
        return engine, root, result(whole)

    return begun


@pytest.fixture
def begun(request: pytest.FixtureRequest, begun_once: Callable[[str], Begun]) -> Begun:
    return begun_once(request.param)


TOLD = ("after it is asked", "in mid-training", "before it is told", "after it is told")


@pytest.mark.parametrize(
    ("begun", "name"),
    # What the stores do does not depend on the engine.
    [("optuna", name) for name in steps("optuna")] + [("keras-tuner", name) for name in TOLD],
    indirect=["begun"],
)
def test_one_restart_puts_a_kill_right_at_every_step(
    begun: Begun, name: str, tmp_path: Path
) -> None:
    engine, template, undisturbed = begun
    root = copied(template, tmp_path)
    step = steps(engine)[name]
    assert in_a_process(lambda: session(root, engine), step) == -signal.SIGKILL
    assert in_a_process(lambda: session(root, engine)) == 0
    assert result(root) == undisturbed
    assert findings(root, "s") == []


@pytest.mark.parametrize(
    ("begun", "name", "first"),
    [
        *[("optuna", name, "in mid-training") for name in repair_steps("optuna")],
        ("optuna", "while the engine is told", "before it is told"),
        ("keras-tuner", "while the engine is told", "before it is told"),
        ("keras-tuner", "after the engine is told", "in mid-training"),
    ],
    indirect=["begun"],
)
def test_one_restart_puts_a_kill_in_the_repair_right(
    begun: Begun, first: str, name: str, tmp_path: Path
) -> None:
    engine, template, undisturbed = begun
    root = copied(template, tmp_path)
    ends = [
        in_a_process(lambda: session(root, engine), step)
        for step in (steps(engine)[first], repair_steps(engine)[name], None)
    ]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert result(root) == undisturbed
    assert findings(root, "s") == []


def contents(root: Path) -> dict[str, object]:
    """Every row of both databases, and every other file."""
    found: dict[str, object] = {}
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        if file.suffix == ".db":
            with closing(sqlite3.connect(file)) as connection:
                found[file.name] = list(connection.iterdump())
        elif not file.name.endswith(("-wal", "-shm", ".lock")):
            found[str(file.relative_to(root))] = file.read_bytes()
    return found


@pytest.mark.parametrize(
    ("begun", "name"),
    [
        ("optuna", "in mid-training"),
        ("optuna", "with half a model"),
        ("keras-tuner", "before it is told"),
    ],
    indirect=["begun"],
)
def test_the_doctor_repairs_what_a_start_would_and_a_second_time_changes_nothing(
    begun: Begun,
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine, template, undisturbed = begun
    root = copied(template, tmp_path)
    in_a_process(lambda: session(root, engine), steps(engine)[name])
    assert findings(root, "s") != []
    repair(root, "s")
    assert "s: trial 1: " in capsys.readouterr().out
    assert findings(root, "s") == []
    before = contents(root)
    repair(root, "s")
    assert capsys.readouterr().out == "s: there is nothing to repair\n"
    assert contents(root) == before
    assert in_a_process(lambda: session(root, engine)) == 0
    assert result(root) == undisturbed
