"""The coordinator: an exact budget, every end recorded and told, both stores in agreement.

MLflow and Optuna are the real ones. Only the trial's process is a stand-in: it gives epochs and a
score, or the exception that search.pool promises, which is all that the coordinator sees of it.
What the process itself does is tested in test_pool.py.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from search import budget, study
from search.attempt import Event
from search.doctor import findings
from search.engines import Asked
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.listed import ListedEngine
from search.engines.optuna import OptunaEngine
from search.failures import Died, TrialFailed
from search.study import Coordinator
from search.tasks import Task
from search.watcher import Outcome
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tests.builders import build_look
from tests.coordinator import (
    DATASET,
    MODEL,
    PLAN,
    RECORD,
    FakePool,
    Script,
    Watching,
    place,
)
from tracking import store, trial_log, writer
from tracking.cli import Stopped, UserError
from tracking.records import (
    EpochRecord,
    RungRecord,
    ScoreRecord,
    StudyRecord,
    TrialRecord,
)
from tracking.runs import connect

BUG = "a trial process failed:\nTraceback (most recent call last):\nKeyError: 'lstm.unit'"
OPTUNA_STATE = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


def fails(tick: Callable[[], None]) -> None:
    raise TrialFailed("out of memory with these values")


def has_a_bug(tick: Callable[[], None]) -> None:
    raise RuntimeError(BUG)


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow takes seconds to make its tables; they are made once and copied."""
    root = tmp_path_factory.mktemp("empty")
    connect(root).search_experiments()
    return root


@pytest.fixture
def root(tmp_path: Path, empty_store: Path) -> Path:
    return Path(shutil.copytree(empty_store, tmp_path / "store"))


Start = Callable[..., Watching]


@pytest.fixture
def start(root: Path, script: Script) -> Start:
    """Run a coordinator to its end, as `search.run` does; a second call is a second session."""

    def start(n_trials: int | None, timeout: float | None = None, **changes: object) -> Watching:
        plan: StudyPlan = changes.get("plan", PLAN)  # type: ignore[assignment]
        plan = plan.with_budget(n_trials, timeout)
        records = store.open_study(root, RECORD, fresh=False)
        engine = OptunaEngine(
            root / "optuna.db",
            "s",
            records.parent,
            plan,
            seed=7,
            sampler="tpe",
            pruner=changes.get("pruner", "median"),  # type: ignore[arg-type]
            n_texts=20_000,
        )
        watching = Watching()
        n_workers: int = changes.get("n_workers", 1)  # type: ignore[assignment]
        script.stop = False
        try:
            whole = (plan, engine, records, DATASET, watching, script.check_stop)
            outlives = bool(changes.get("outlives", True))
            Coordinator(*whole, place(script, n_workers, outlives=outlives)).run()
        finally:
            start.ends = watching.ends  # type: ignore[attr-defined]
        return watching

    return start


def recorded(root: Path) -> StudyRecord:
    return store.read_study(root, "s")


def runs(root: Path) -> list[tuple[str, str]]:
    """Kind and status of every run, as MLflow alone sees them."""
    client = connect(root)
    experiment = client.get_experiment_by_name("s")
    found = client.search_runs([experiment.experiment_id])
    return sorted((run.data.tags["kind"], run.info.status) for run in found)


def told(root: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=f"sqlite:///{root / 'optuna.db'}").trials


def assert_the_stores_agree(root: Path) -> None:
    trials, in_optuna = recorded(root).trials, told(root)
    assert [t.number for t in trials] == [t.number for t in in_optuna]
    for trial, other in zip(trials, in_optuna, strict=True):
        assert OPTUNA_STATE[trial.state] == other.state.name
        assert other.params == {name: trial.params[name] for name in PLAN.searched}
        assert other.value == _value(trial)
        assert other.user_attrs["seed"] == trial.seed
        assert other.user_attrs["origin"] == trial.origin
    assert not [status for _, status in runs(root) if status == "RUNNING"]


def counted(root: Path) -> list[TrialRecord]:
    return [trial for trial in recorded(root).trials if not trial.void]


def test_a_study_ends_at_exactly_its_budget_and_then_does_nothing(
    root: Path, start: Start
) -> None:
    assert start(4).ends == [(n, "complete", False) for n in range(4)]
    assert start(4).ends == []
    assert start(5).ends == [(4, "complete", False)]
    assert start(2).ends == []
    assert_the_stores_agree(root)
    assert runs(root) == [
        ("baseline", "FINISHED"),
        ("study", "FINISHED"),
        *[("trial", "FINISHED")] * 5,
    ]


def test_a_trial_is_recorded_with_its_values_epochs_and_score(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.8712345678912345]
    start(1)
    (trial,) = recorded(root).trials
    (task,) = script.tasks
    assert trial.params == task.params == PLAN.complete({})
    assert (trial.seed, trial.family, trial.origin) == (task.seed, "lstm", "defaults")
    assert [epoch.epoch for epoch in trial.epochs] == [1, 2, 3]
    assert trial.score is not None
    assert trial.score.val_accuracy == 0.8712345678912345
    assert trial.score.confusion == ((4, 1), (0, 5))
    assert store.model_file(root, trial).read_bytes() == MODEL
    assert not task.folder.exists()
    assert told(root)[0].intermediate_values == dict.fromkeys((1, 2, 3), 0.8712345678912345)


def test_values_that_cannot_be_trained_fail_their_trial_and_the_study_goes_on(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [fails]
    assert start(2).ends == [(0, "failed", False), (1, "complete", False)]
    failed, complete = recorded(root).trials
    assert failed.reason == "out of memory with these values"
    assert (failed.score, failed.model, len(failed.epochs)) == (None, False, 1)
    assert complete.reason == ""
    assert_the_stores_agree(root)
    assert ("trial", "FAILED") in runs(root)


def test_a_trial_below_its_peers_is_pruned_with_the_reason(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.8, 0.8, 0.8, 0.8, 0.5]
    start(5, plan=_always_three_epochs())
    pruned = recorded(root).trials[4]
    assert (pruned.state, pruned.score, pruned.model) == ("pruned", None, False)
    assert pruned.reason == f"below its peers after epoch {len(pruned.epochs)}"
    assert len(pruned.epochs) < 3
    assert_the_stores_agree(root)
    assert ("trial", "KILLED") in runs(root)


def test_a_trial_that_has_done_its_last_epoch_is_not_pruned(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.8, 0.8, 0.8, 0.8, 0.5]
    start(5, plan=PLAN.with_max_epochs(1))
    assert [trial.state for trial in recorded(root).trials] == ["complete"] * 5


def test_a_bug_is_recorded_with_its_traceback_and_stops_the_study(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [has_a_bug]
    with pytest.raises(RuntimeError, match=r"KeyError: 'lstm\.unit'"):
        start(3)
    (trial,) = recorded(root).trials
    assert (trial.state, trial.void, len(script.tasks)) == ("failed", True, 1)
    assert trial.reason.startswith("Traceback (most recent call last):")
    assert "KeyError: 'lstm.unit'" in trial.reason
    assert_the_stores_agree(root)
    assert ("study", "KILLED") in runs(root)
    start(3)  # the bug was mended: the same values are tried
    assert script.tasks[1].params == script.tasks[0].params
    assert len(counted(root)) == 3


@pytest.fixture
def small_disk(root: Path) -> Iterator[Path]:
    """The store on a disk of 16 MB of its own, which only root can mount."""
    aside = root.rename(root.with_name("aside"))
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(root)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        shutil.copytree(aside, root, dirs_exist_ok=True)
        yield root
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


@pytest.mark.parametrize("epoch", [1, 3], ids=["in mid-trial", "when it ends"])
def test_a_full_disk_ends_the_study_with_nothing_left_running_and_nothing_lost(
    small_disk: Path, start: Start, script: Script, epoch: int
) -> None:
    seen = 0

    def fill(tick: Callable[[], None]) -> None:
        nonlocal seen
        seen += 1
        if seen == epoch:
            with (
                contextlib.suppress(OSError),
                (small_disk / "filler").open("wb", buffering=0) as file,
            ):
                while file.write(bytes(4096)):
                    pass

    script.ends = [lambda tick: None, fill]
    with pytest.raises(Exception, match=r"(?i)disk is full|no space left"):
        start(3)
    first, second = recorded(small_disk).trials
    assert (first.state, first.void) == ("complete", False)
    assert (second.state, second.void) == ("failed", True)
    assert_the_stores_agree(small_disk)
    assert ("study", "KILLED") in runs(small_disk)
    (small_disk / "filler").unlink()
    start(3)
    assert [trial.state for trial in counted(small_disk)] == ["complete"] * 3
    assert recorded(small_disk).trials[0] == first


def test_a_bug_of_the_coordinator_itself_is_recorded_told_and_raised(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(self: object, model: Path, epoch: int, loader: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(trial_log.TrialLog, "keep_model", full_disk)
        with pytest.raises(OSError, match="No space left"):
            start(2)
    (trial,) = recorded(root).trials
    assert (trial.state, trial.void, trial.score) == ("failed", True, None)
    assert "No space left on device" in trial.reason
    assert_the_stores_agree(root)
    start(2)
    assert [trial.state for trial in counted(root)] == ["complete", "complete"]


def test_a_study_stopped_in_mid_trial_goes_on_with_the_same_values_to_exactly_its_budget(
    root: Path, start: Start, script: Script
) -> None:
    def stops(tick: Callable[[], None]) -> None:
        script.stop = True
        tick()

    script.ends = [lambda tick: None, stops]
    with pytest.raises(Stopped, match="stopped by SIGINT"):
        start(3)
    assert start.ends == [(0, "complete", False), (1, "failed", True)]  # type: ignore[attr-defined]
    cut_short = recorded(root).trials[1]
    assert (cut_short.reason, len(cut_short.epochs)) == ("stopped by SIGINT", 1)
    assert_the_stores_agree(root)
    assert runs(root) == [
        ("baseline", "FINISHED"),
        ("study", "KILLED"),
        ("trial", "FAILED"),
        ("trial", "FINISHED"),
    ]
    start(3)
    assert len(script.tasks) == 4
    before, after = script.tasks[1:3]
    assert (after.params, after.seed) == (before.params, before.seed)
    assert [trial.state for trial in counted(root)] == ["complete"] * 3
    assert_the_stores_agree(root)
    assert ("study", "FINISHED") in runs(root)


def test_a_killed_coordinator_is_put_right_by_the_next_start(
    root: Path, start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands in for SIGKILL: nothing is written after it."""

    def dies(*args: object, **kwargs: object) -> None:
        raise Killed

    for owner, method in ((trial_log.TrialLog, "close"), (OptunaEngine, "tell")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, method, dies)
            patch.setattr(OptunaEngine, "tell", dies)
            patch.setattr(writer.StudyStore, "end", lambda self, *, finished: None)
            with pytest.raises(Killed):
                start(2)
    assert told(root)[-1].state.name == "RUNNING"
    start(2)
    first, second, third = recorded(root).trials
    assert (first.void, first.reason) == (True, "its coordinator was gone")
    assert (second.void, second.state) == (False, "complete")  # recorded, but not yet told
    assert (second.params, second.seed) == (first.params, first.seed)
    assert (third.void, third.state, len(script.tasks)) == (False, "complete", 3)
    assert_the_stores_agree(root)


def test_a_trial_that_the_time_budget_cuts_is_made_again_when_there_is_time(
    root: Path, start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=lambda: seconds))

    def takes_long(tick: Callable[[], None]) -> None:
        nonlocal seconds
        seconds += 100
        tick()

    script.ends = [lambda tick: None, takes_long]
    script.seconds = 0.001  # so that nobody foresees it
    start(None, 60.0)
    trials = recorded(root).trials
    assert [(trial.state, trial.void, trial.reason) for trial in trials] == [
        ("complete", False, ""),
        ("failed", True, "the time of the study was used up"),
    ]
    assert_the_stores_agree(root)
    assert start(None, 60.0).ends == []
    assert start(3, 600.0).ends == [(2, "complete", False), (3, "complete", False)]
    cut, again = recorded(root).trials[1:3]
    assert (cut.params, cut.seed, cut.origin) == (again.params, again.seed, again.origin)


def test_a_trial_that_cannot_end_in_time_is_put_off_and_comes_first_when_there_is_more(
    root: Path, start: Start, script: Script
) -> None:
    plan = _always_three_epochs()
    script.seconds = 100.0
    start(1, plan=plan)
    put_off = start(None, 200.0, plan=plan)
    assert (put_off.put_off, put_off.ends) == ([1], [])
    assert len(recorded(root).trials) == 1
    assert ("study", "FINISHED") in runs(root)
    assert start(None, 200.0, plan=plan).put_off == []  # the same again does nothing
    assert findings(root, "s") == []
    start(2, plan=plan)
    assert [(t.number, t.origin) for t in recorded(root).trials] == [
        (0, "defaults"),
        (2, "lstm-dropout-2016"),
    ]
    assert findings(root, "s") == []


def test_patience_ends_a_study_and_more_patience_goes_on_with_it(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.9, 0.8, 0.8, 0.7, 0.7, 0.7]
    plan = replace(PLAN.with_max_epochs(1), patience=2)
    for _ in range(2):  # the same again does nothing
        start(30, plan=plan)
        assert len(counted(root)) == len(PLAN.starting_points()) + 2
        assert findings(root, "s") == []
    start(30, plan=replace(plan, patience=3))
    assert len(counted(root)) == len(PLAN.starting_points()) + 3
    assert_the_stores_agree(root)


def test_a_trial_that_is_gone_is_missed_where_the_budget_was_met(root: Path, start: Start) -> None:
    start(3)
    assert findings(root, "s") == []
    connect(root).delete_run(recorded(root).trials[1].run_id)
    assert findings(root, "s") == [
        "2 trials have finished, but the study ended after 3",
        "trial 1 is in Optuna and not in MLflow",
    ]


def test_a_study_that_time_ended_may_have_fewer_trials_than_were_asked_for(
    root: Path, start: Start, script: Script
) -> None:
    script.pause = 0.2
    start(30, timeout=0.5)
    assert len(counted(root)) < 30
    assert findings(root, "s") == []


def test_a_study_ends_when_there_is_nothing_left_to_propose(root: Path, script: Script) -> None:
    plan = replace(PLAN, searched=("text.truncating",), references=())
    plan = plan.with_budget(30, None)
    records = store.open_study(root, replace(RECORD, engine="keras-tuner"), fresh=False)
    file = root / "keras_tuner" / "s.jsonl"
    for _ in range(2):
        engine = KerasTunerEngine(file, records.parent, plan, seed=7, sampler="random")
        Coordinator(
            plan, engine, records, DATASET, Watching(), script.check_stop, place(script)
        ).run()
    trials = recorded(root).trials
    assert [trial.params["text.truncating"] for trial in trials] == ["pre", "post"]
    assert ("study", "FINISHED") in runs(root)
    assert findings(root, "s") == []


def dies(tick: Callable[[], None]) -> None:
    raise Died("its process was killed, most likely because memory ran out")


def test_a_trial_whose_process_died_is_made_once_more_with_the_same_values(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [lambda tick: None, dies, dies, dies]
    start(4)
    trials = recorded(root).trials
    assert [(trial.state, trial.void, trial.died) for trial in trials] == [
        ("complete", False, False),
        ("failed", True, True),
        ("failed", False, True),  # the second time it is the values' fault
        ("failed", True, True),
        ("complete", False, False),
        ("complete", False, False),
    ]
    assert (trials[2].params, trials[2].seed) == (trials[1].params, trials[1].seed)
    assert (trials[4].params, trials[4].seed) == (trials[3].params, trials[3].seed)
    assert "memory ran out" in trials[2].reason
    assert_the_stores_agree(root)


def test_a_death_is_remembered_by_the_next_session(
    root: Path, start: Start, script: Script
) -> None:
    def dies_and_is_stopped(tick: Callable[[], None]) -> None:
        script.stop = True
        dies(tick)

    script.ends = [dies_and_is_stopped, dies]
    with pytest.raises(Stopped):
        start(2)
    start(2)
    trials = recorded(root).trials
    assert [(trial.state, trial.void) for trial in trials] == [
        ("failed", True),
        ("failed", False),
        ("complete", False),
    ]
    assert trials[1].seed == trials[0].seed


@pytest.mark.parametrize("n_workers", [2, 8])
def test_several_workers_end_at_exactly_the_budget(
    root: Path, start: Start, script: Script, n_workers: int
) -> None:
    script.ends = [fails, lambda tick: None, dies]
    start(7, n_workers=n_workers)
    study = recorded(root)
    assert len(counted(root)) == 7
    assert study.count("failed") == 1
    assert [trial.void for trial in study.trials].count(True) == 1
    seeds = [trial.seed for trial in counted(root)]
    assert len(set(seeds)) == 7
    assert {task.n_threads for task in script.tasks} == {1}
    assert start(7, n_workers=n_workers).ends == []
    assert_the_stores_agree(root)


def test_who_waits_to_go_on_is_served_before_the_next_end(root: Path, start: Start) -> None:
    order = start(4, n_workers=3, plan=PLAN.with_max_epochs(1)).order
    first = ["epoch of 0", "epoch of 1", "epoch of 2", "end of 0", "epoch of 3"]
    assert order == [*first, "end of 1", "end of 2", "end of 3"]


@pytest.mark.parametrize(("outlives", "idle"), [(False, False), (False, True), (True, False)])
def test_no_trial_waits_for_the_record_of_an_epoch_that_may_be_written_later(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch, outlives: bool, idle: bool
) -> None:
    """On a cluster no trial outlives its coordinator, so no epoch needs to be on record first."""
    at_its_end, after_epochs = list[bool](), list[bool]()
    epoch, close, come = trial_log.TrialLog.epoch, trial_log.TrialLog.close, FakePool.events

    def ends(log: trial_log.TrialLog, record: EpochRecord) -> None:
        epoch(log, record)
        after_epochs.append(log.n_unwritten > 0)

    def closes(log: trial_log.TrialLog, *args: Any, **kwargs: Any) -> None:
        at_its_end.append(log.n_unwritten > 0)
        close(log, *args, **kwargs)

    turns = itertools.count()

    def events(pool: FakePool, seconds: float) -> list[tuple[Task, Event]]:
        return [] if idle and next(turns) % 4 else come(pool, seconds)

    monkeypatch.setattr(trial_log.TrialLog, "epoch", ends)
    monkeypatch.setattr(trial_log.TrialLog, "close", closes)
    monkeypatch.setattr(FakePool, "events", events)
    start(3, n_workers=3, outlives=outlives)
    assert at_its_end == [not idle and not outlives] * 3
    assert set(after_epochs) == {not outlives}
    client = connect(root)
    for trial in recorded(root).trials:
        history = client.get_metric_history(trial.run_id, "val_accuracy")
        assert [metric.step for metric in history] == [epoch.epoch for epoch in trial.epochs]
        assert trial.epochs


def test_a_fault_in_an_epoch_that_is_written_later_ends_its_trial_and_the_others(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = []

    def fails(log: trial_log.TrialLog) -> None:
        faults.append(log.run_id)
        raise RuntimeError(BUG)

    turns, come = itertools.count(), FakePool.events

    def events(pool: FakePool, seconds: float) -> list[tuple[Task, Event]]:
        return [] if next(turns) else come(pool, seconds)

    monkeypatch.setattr(trial_log.TrialLog, "catch_up", fails)
    monkeypatch.setattr(FakePool, "events", events)
    with pytest.raises(RuntimeError, match=r"KeyError: 'lstm\.unit'"):
        start(3, n_workers=3, outlives=False)
    trials = recorded(root).trials
    assert [(trial.state, trial.void) for trial in trials] == [("failed", True)] * 3
    assert len(faults) == 1
    assert ["KeyError" in trial.reason for trial in trials].count(True) == 1
    assert_the_stores_agree(root)
    client = connect(root)
    for trial in trials:  # what was not written yet came with the end
        assert len(client.get_metric_history(trial.run_id, "val_accuracy")) == 1


def test_many_epochs_are_not_kept_until_the_end(root: Path) -> None:
    records = store.open_study(root, RECORD, fresh=False)
    log = records.open_trial(
        0, "lstm", {"train.epochs": 70}, seed=1, origin="tpe", data=DATASET.record, lags=True
    )
    for number in range(1, 71):
        log.epoch(EpochRecord(number, 0.5, 0.9, 0.6, 0.8, 1e-3, 1.0, 500.0))
    client = connect(root)
    assert 50 < len(client.get_metric_history(log.run_id, "val_accuracy")) < 70
    log.close("complete", None, reason="", void=False)
    steps = [metric.step for metric in client.get_metric_history(log.run_id, "val_accuracy")]
    assert steps == list(range(1, 71))


def test_a_stop_loses_no_result_that_waits_to_be_recorded(
    root: Path, start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(watching: Watching, asked: Asked, outcome: Outcome) -> None:
        watching.ends.append((asked.number, outcome.state, outcome.void))
        script.stop = True

    monkeypatch.setattr(Watching, "trial_ends", stops)
    with pytest.raises(Stopped):
        start(4, n_workers=3)
    assert start.ends == [(number, "complete", False) for number in range(3)]  # type: ignore[attr-defined]
    assert_the_stores_agree(root)


def test_a_bug_loses_no_result_that_waits_to_be_recorded_and_is_what_is_told(
    root: Path, start: Start, script: Script
) -> None:
    one_epoch = PLAN.with_max_epochs(1)

    def has_another(tick: Callable[[], None]) -> None:
        raise RuntimeError("another trial process failed")

    script.ends = [has_a_bug, lambda tick: None, has_another]
    with pytest.raises(RuntimeError, match="KeyError"):
        start(3, n_workers=3, plan=one_epoch)
    assert [trial.state for trial in recorded(root).trials] == ["failed", "complete", "failed"]
    assert_the_stores_agree(root)


def test_a_bug_in_one_trial_cuts_the_others_short_and_all_are_made_again(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [lambda tick: None, has_a_bug]
    with pytest.raises(RuntimeError, match="KeyError"):
        start(4, n_workers=3)
    first = recorded(root).trials
    assert [trial.state for trial in first] == ["failed"] * 3
    assert [trial.reason for trial in first if trial.number != 1] == ["cut short"] * 2
    assert_the_stores_agree(root)
    start(4, n_workers=3)
    assert len(counted(root)) == 4
    again = {trial.seed: trial.params for trial in counted(root)}
    for trial in first:
        assert again[trial.seed] == trial.params


def test_a_stop_ends_all_that_is_under_way(root: Path, start: Start, script: Script) -> None:
    def stops(tick: Callable[[], None]) -> None:
        script.stop = True
        tick()

    script.ends = [lambda tick: None, stops]
    with pytest.raises(Stopped):
        start(4, n_workers=2)
    assert [(t.state, t.void) for t in recorded(root).trials] == [("failed", True)] * 2
    assert_the_stores_agree(root)


@pytest.mark.parametrize("engine", ["optuna", "keras-tuner"])
def test_a_trial_is_recorded_with_the_parameters_of_its_own_family_alone(
    root: Path, script: Script, engine: str
) -> None:
    plan = replace(STUDIES["architecture"], controls=()).with_max_epochs(1).with_budget(14, None)
    asked_for = replace(RECORD, engine=engine, families=plan.families)
    records = store.open_study(root, asked_for, fresh=False)
    file = root / "keras_tuner" / "s.jsonl"
    made = (
        KerasTunerEngine(file, records.parent, plan, seed=7, sampler="hyperband")
        if engine == "keras-tuner"
        else OptunaEngine(
            root / "optuna.db", "s", records.parent, plan, seed=7, sampler="tpe", pruner="none"
        )
    )
    Coordinator(plan, made, records, DATASET, Watching(), script.check_stop, place(script)).run()
    trials = recorded(root).trials
    assert len({trial.family for trial in trials}) == len(plan.families)
    for trial in trials:
        assert set(trial.params) == set(plan.space_for(trial.family))
    assert findings(root, "s") == []


def test_only_the_best_models_are_kept(root: Path, start: Start, script: Script) -> None:
    script.accuracies = [0.80, 0.84, 0.82, 0.81, 0.84, 0.83]
    start(6, plan=PLAN.with_max_epochs(1))
    study = recorded(root)
    assert [trial.number for trial in study.trials if trial.model] == [1, 4, 5]
    assert [trial.number for trial in study.candidates[:3]] == [1, 4, 5]
    assert len(list(root.rglob("model.keras"))) == 3


def test_the_stores_agree_after_every_kind_of_end(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [fails, lambda tick: None, has_a_bug]
    with pytest.raises(RuntimeError):
        start(7)
    script.accuracies = [0.8, 0.8, 0.8, 0.8, 0.4]
    start(7, plan=_always_three_epochs())
    study = recorded(root)
    assert len(counted(root)) == 7
    assert study.count("failed") == 1
    assert study.count("complete") + study.count("pruned") == 6
    assert [trial.number for trial in study.trials if trial.void] == [2]
    assert_the_stores_agree(root)


def _value(trial: TrialRecord) -> float | None:
    """What Optuna keeps of a trial; of a pruned one its last report."""
    if trial.state == "pruned":
        return trial.epochs[-1].val_accuracy if trial.epochs else None
    return trial.score.val_accuracy if trial.score else None


def _always_three_epochs() -> StudyPlan:
    """Leave no trial with a first epoch that is its last, which is never pruned."""
    epochs = replace(PLAN.space["train.epochs"], low=3)
    return replace(PLAN, space={**PLAN.space, "train.epochs": epochs})


CONTROLLED = replace(PLAN, controls=("majority", "tfidf_logistic"))
CONTROL_SCORE = ScoreRecord(0, 0.88, 0.87, 0.89, 0.3, 0.9, 100, ((4, 1), (0, 5)))


def test_controls_are_recorded_once_however_often_the_study_is_resumed(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "score_control", lambda *given: CONTROL_SCORE)
    first, second = (start(n, plan=CONTROLLED) for n in (1, 2))
    assert first.controls == [("majority", ""), ("tfidf_logistic", "")]
    assert second.controls == []
    recorded = store.read_study(root, "s")
    assert [(c.name, c.score) for c in recorded.controls] == [
        ("majority", CONTROL_SCORE),
        ("tfidf_logistic", CONTROL_SCORE),
    ]
    assert [trial.number for trial in recorded.trials] == [0, 1]


def test_a_control_that_fails_is_told_and_tried_again_and_the_study_goes_on(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*given: object) -> ScoreRecord:
        raise TrialFailed("memory ran out")

    monkeypatch.setattr(study, "score_control", dies)
    first = start(1, plan=CONTROLLED)
    assert first.controls == [("majority", "memory ran out"), ("tfidf_logistic", "memory ran out")]
    assert store.read_study(root, "s").count("complete") == 1
    monkeypatch.setattr(study, "score_control", lambda *given: CONTROL_SCORE)
    start(1, plan=CONTROLLED)
    assert len(store.read_study(root, "s").controls) == 2


def test_ctrl_c_in_a_control_leaves_nothing_running_and_the_control_is_made_again(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: object) -> ScoreRecord:
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(study, "score_control", stopped)
    with pytest.raises(Stopped):
        start(1, plan=CONTROLLED)
    assert store.read_study(root, "s").controls == ()
    monkeypatch.setattr(study, "score_control", lambda *given: CONTROL_SCORE)
    start(1, plan=CONTROLLED)
    assert len(store.read_study(root, "s").controls) == 2


def test_a_reproduction_records_its_look_keeps_no_model_and_is_not_in_optuna(
    root: Path, script: Script
) -> None:
    script.look = look = build_look(0.861)
    plan = replace(STUDIES["tutorials"], only=("lstm-2016", "lstm50-67-33"))
    plan = plan.with_budget(2, None)
    records = store.open_study(root, replace(RECORD, study="t", space={}), fresh=False)
    for _ in range(2):  # the same again adds nothing
        engine = ListedEngine(plan, seed=7)
        Coordinator(
            plan, engine, records, DATASET, Watching(), script.check_stop, place(script)
        ).run()
    trials = store.read_study(root, "t").trials
    assert [(t.origin, t.state, t.look, t.score) for t in trials] == [
        ("lstm-2016", "complete", look, None),
        ("lstm50-67-33", "complete", look, None),
    ]
    assert [task.split for task in script.tasks] == ["official", "pooled-67-33"]
    assert not any(trial.model for trial in trials)
    assert not (root / "optuna.db").exists()


def test_a_trial_that_is_pruned_within_its_first_epoch_is_recorded_with_what_was_seen(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poor(engine: OptunaEngine, number: int, n_epochs: float, accuracy: float) -> bool:
        return number == 1 and n_epochs < 1

    monkeypatch.setattr(OptunaEngine, "should_prune", poor)
    assert start(3, pruner="hyperband").ends[1] == (1, "pruned", False)
    other, pruned, last = recorded(root).trials
    assert pruned.reason == "below its peers after 25 % of the training texts"
    assert pruned.epochs == ()
    assert [trial.rung for trial in (other, pruned, last)] == [RungRecord(0.25, 0.5, 0.1)] * 3
    assert len(last.epochs) == last.params["train.epochs"]


def test_a_start_that_does_not_know_the_recorded_trials_touches_nothing(
    root: Path, start: Start, script: Script
) -> None:
    start(1)
    before = runs(root)
    (root / "optuna.db").unlink()  # as on another machine that shares the records alone
    with pytest.raises(UserError, match="MLflow has trials of s that Optuna has not"):
        start(2)
    assert runs(root) == before
    assert ("study", "FINISHED") in before
