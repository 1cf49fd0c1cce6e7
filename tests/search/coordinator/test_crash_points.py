"""A kill at every step of a trial's record: one restart, and all is as if it had not been.

What the coordinator does between these steps is in test_coordinator.py. Here each session is a
process of its own, forked from this one, and SIGKILL ends it in the middle of writing to MLflow.
Only the trial's process is a stand-in, whose score depends on the trial's values alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.audit import audit
from search.doctor import repair
from tests.builders import place_database
from tests.coordinator import Script, run_search
from tracking import store
from tracking.connection.client import PatientClient
from tracking.connection.relocate import relocate
from tracking.records import TrialRecord
from tracking.schema import epochs_layout, params_layout, trial_layout
from tracking.writing.study_writer import StudyStore
from tracking.writing.trial_log import TrialLog


@dataclass(frozen=True)
class Step:
    """A moment: before or after something is done for the first time."""

    owner: Any
    method: str
    after: bool = True

    def kill_there(self, patch: pytest.MonkeyPatch) -> None:
        original = getattr(self.owner, self.method)

        def killed(*args: Any, **kwargs: Any) -> None:
            if self.after:
                original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        patch.setattr(self.owner, self.method, killed)


STEPS = {
    "when its run has no parameters": Step(params_layout, "write_params", after=False),
    "in mid-training": Step(TrialLog, "epoch"),
    "with half a model": Step(PatientClient, "log_model_artifacts"),
    "when its curves are written": Step(epochs_layout, "write_curves"),
    "when its score is written": Step(trial_layout, "write_score"),
    "before its run is closed": Step(trial_layout, "write_outcome"),
    "while a model is removed": Step(PatientClient, "delete_logged_model"),
}
CONTINUED = {
    "before it is continued": Step(StudyStore, "continue_trial", after=False),
    "while it is marked as running": Step(trial_layout, "write_running"),
    "in its epochs": Step(TrialLog, "keep_model", after=False),
}


def in_a_process(work: Callable[[], object], step: Step | None = None) -> int:
    """Do something in a forked process, which kills itself at a step; return how it ended."""
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


def session(root: Path, n_trials: int = 4) -> None:
    run_search(root, n_trials, Script(by_values=True), keep_models=1)


def faults(root: Path) -> list[str]:
    return audit(store.read_study(root, "s"), store.condition(root, "s"))


def result(root: Path) -> list[tuple[object, ...]]:
    """What is recorded of the trials that does not differ each time."""
    return [_result(trial) for trial in store.read_study(root, "s").trials]


def _result(t: TrialRecord) -> tuple[object, ...]:
    return t.number, t.params, t.seed, t.proposed_by, t.state, t.epochs, t.score, t.model


def copied(root: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(root, tmp_path / "store"))
    relocate(copy)
    return copy


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[object, ...]]]:
    """A study of one trial, and what it has when it goes on to four undisturbed.

    Both are made here, so that what is looked up or loaded once is known to all forks.
    """
    root = place_database(tmp_path_factory.mktemp("begun") / "mlruns")
    session(root, 1)
    whole = copied(root, tmp_path_factory.mktemp("whole"))
    session(whole)
    assert faults(whole) == []
    return root, result(whole)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_one_restart_puts_a_kill_right(
    begun: tuple[Path, list[tuple[object, ...]]], step: Step, tmp_path: Path
) -> None:
    template, undisturbed = begun
    root = copied(template, tmp_path)
    ends = [in_a_process(lambda: session(root), one) for one in (step, None)]
    assert ends == [-signal.SIGKILL, 0]
    assert result(root) == undisturbed
    assert faults(root) == []


@pytest.mark.parametrize("step", CONTINUED.values(), ids=CONTINUED)
def test_one_restart_puts_a_kill_right_while_a_trial_is_continued(
    begun: tuple[Path, list[tuple[object, ...]]], step: Step, tmp_path: Path
) -> None:
    template, undisturbed = begun
    root = copied(template, tmp_path)
    kills = (STEPS["in mid-training"], step, None)
    ends = [in_a_process(lambda: session(root), one) for one in kills]
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert result(root) == undisturbed
    assert faults(root) == []


def contents(root: Path) -> dict[str, object]:
    """Every row of the database, and every other file."""
    found: dict[str, object] = {}
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        if file.suffix == ".db":
            with closing(sqlite3.connect(file)) as connection:
                found[file.name] = list(connection.iterdump())
        elif not file.name.endswith(("-wal", "-shm", ".lock")):
            found[str(file.relative_to(root))] = file.read_bytes()
    return found


@pytest.mark.parametrize("name", ["in mid-training", "with half a model"])
def test_the_doctor_repairs_what_a_start_would_and_a_second_time_changes_nothing(
    begun: tuple[Path, list[tuple[object, ...]]],
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    template, undisturbed = begun
    root = copied(template, tmp_path)
    in_a_process(lambda: session(root), STEPS[name])
    assert faults(root) != []
    repair(root, "s")
    assert ": it was running, and is interrupted\n" in capsys.readouterr().out
    assert faults(root) == []
    before = contents(root)
    repair(root, "s")
    assert capsys.readouterr().out == "s: there is nothing to repair\n"
    assert contents(root) == before
    assert in_a_process(lambda: session(root)) == 0
    assert result(root) == undisturbed
