"""The coordinator: an exact budget, every end recorded, and a stop that is a pause.

MLflow and Optuna are the real ones. Only the trial's process is a stand-in: it gives epochs and a
score, or the exception that a process pool promises, which is all that the coordinator sees.
As one whose checkpoint was lost, it begins with its first epoch when it is continued. What the
process itself does is tested in test_pool.py and test_checkpoint.py.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from search.coordinator import budget, loop
from search.coordinator.audit import audit
from search.coordinator.loop import Coordinator
from search.engines.base import Engine, History

# KT
from search.engines.fixed_list import ListedEngine
from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine
from search.engines.optuna.optuna_engine import OptunaEngine
from search.training.failures import Died, TrialFailed
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tests.builders import build_evaluation, build_trial
from tests.coordinator import DATASET, MODEL, PLAN, RECORD, RecordingCallbacks, Script, place
from tracking import store
from tracking.commandline.errors import Stopped
from tracking.connection.runs import connect
from tracking.records import ResumedRecord, RungRecord, ScoreRecord, StudyRecord, TrialRecord
from tracking.writing import study_writer, summary, trial_log

BUG = "a trial process failed:\nTraceback (most recent call last):\nKeyError: 'lstm.unit'"


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


Start = Callable[..., RecordingCallbacks]


@pytest.fixture
def start(root: Path, script: Script) -> Start:
    """Run a coordinator to its end, as `search.run` does; a second call is a second session."""

    def start(
        n_trials: int | None, timeout: float | None = None, **changes: object
    ) -> RecordingCallbacks:
        plan: StudyPlan = changes.pop("plan", PLAN)  # type: ignore[assignment]
        plan = plan.with_budget(n_trials, timeout)
        pruner: str = changes.pop("pruner", "median")  # type: ignore[assignment]
        engine = OptunaEngine(plan, seed=7, sampler="tpe", pruner=pruner, n_texts=20_000)
        start.callbacks = RecordingCallbacks()  # type: ignore[attr-defined]
        script.stop = False
        run_study(root, plan, engine, script, start.callbacks, **changes)  # type: ignore[attr-defined]
        return start.callbacks  # type: ignore[attr-defined]

    return start


def run_study(
    root: Path,
    plan: StudyPlan,
    engine: Engine,
    script: Script,
    callbacks: RecordingCallbacks,
    *,
    n_workers: int = 1,
    n_per_round: int | None = None,
    **changes: object,
) -> None:
    """Run a session of the study `s`."""
    records = store.open_study(root, changes.get("record", RECORD), fresh=False)  # type: ignore[arg-type]
    Coordinator(
        plan,
        engine,
        records,
        DATASET,
        callbacks,
        script.check_stop,
        place(script, n_workers),
        root / "s.trials",
        n_per_round=n_per_round,
    ).run()


def recorded(root: Path) -> StudyRecord:
    return store.read_study(root, "s")


def runs(root: Path) -> list[tuple[str, str]]:
    """Kind and status of every run, as MLflow alone sees them."""
    client = connect(root)
    experiment = client.get_experiment_by_name("s")
    found = client.search_runs([experiment.experiment_id])
    return sorted((run.data.tags["kind"], run.info.status) for run in found)


def faults(root: Path) -> list[str]:
    return audit(recorded(root), store.condition(root, "s"))


def states(root: Path) -> list[str]:
    return [trial.state for trial in recorded(root).trials]


def assert_no_epoch_is_recorded_twice(root: Path) -> None:
    client = connect(root)
    for trial in recorded(root).trials:
        history = client.get_metric_history(trial.run_id, "val_accuracy")
        assert [metric.step for metric in history] == [epoch.epoch for epoch in trial.epochs]


def stops(script: Script) -> Callable[[Callable[[], None]], None]:
    """Press Ctrl-C in mid-trial."""

    def stop(tick: Callable[[], None]) -> None:
        script.stop = True
        tick()

    return stop


def test_a_study_ends_at_exactly_its_budget_and_then_does_nothing(
    root: Path, start: Start
) -> None:
    assert start(4).ends == [(n, "complete") for n in range(4)]
    assert start(4).ends == []
    assert start(5).ends == [(4, "complete")]
    assert start(2).ends == []
    assert faults(root) == []
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
    assert (trial.seed, trial.family, trial.proposed_by) == (task.seed, "lstm", "defaults")
    assert [epoch.epoch for epoch in trial.epochs] == [1, 2, 3]
    assert trial.score is not None
    assert trial.score.val_accuracy == 0.8712345678912345
    assert trial.score.confusion == ((4, 1), (0, 5))
    assert store.model_file(root, trial).read_bytes() == MODEL
    assert not task.folder.exists()


def test_values_that_cannot_be_trained_fail_their_trial_and_the_study_goes_on(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [fails]
    assert start(2).ends == [(0, "failed"), (1, "complete")]
    failed, complete = recorded(root).trials
    assert failed.reason == "out of memory with these values"
    assert (failed.score, failed.model, len(failed.epochs)) == (None, False, 1)
    assert complete.reason == ""
    assert faults(root) == []
    assert ("trial", "FAILED") in runs(root)


def test_a_trial_below_its_peers_is_pruned_with_the_reason(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.8, 0.8, 0.8, 0.8, 0.5]
    start(5, plan=_always_three_epochs())
    pruned = recorded(root).trials[4]
    assert (pruned.state, pruned.score, pruned.model) == ("pruned", None, False)
    below = "50.00 %, below the median 80.00 % of 4 trials at epoch 2"
    assert pruned.reason == f"after epoch 2: {below}"
    assert len(pruned.epochs) < 3
    assert faults(root) == []
    assert ("trial", "KILLED") in runs(root)


def test_a_trial_that_has_done_its_last_epoch_is_not_pruned(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.8, 0.8, 0.8, 0.8, 0.5]
    start(5, plan=PLAN.with_max_epochs(1))
    assert states(root) == ["complete"] * 5


def test_a_bug_is_recorded_with_its_traceback_and_stops_the_study(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [has_a_bug]
    with pytest.raises(RuntimeError, match=r"KeyError: 'lstm\.unit'"):
        start(3)
    (trial,) = recorded(root).trials
    assert (trial.state, len(script.tasks)) == ("interrupted", 1)
    assert trial.reason.startswith("Traceback (most recent call last):")
    assert "KeyError: 'lstm.unit'" in trial.reason
    assert ("study", "KILLED") in runs(root)
    start(3)  # the bug was mended: the trial is continued
    assert script.tasks[1].params == script.tasks[0].params
    assert states(root) == ["complete"] * 3
    assert recorded(root).trials[0].reason == ""


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
    assert (first.state, second.state) == ("complete", "interrupted")
    assert faults(small_disk) == []
    assert ("study", "KILLED") in runs(small_disk)
    (small_disk / "filler").unlink()
    start(3)
    assert [trial.state for trial in recorded(small_disk).trials] == ["complete"] * 3
    assert recorded(small_disk).trials[0] == first


def test_a_fault_of_the_coordinator_itself_is_recorded_and_raised(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_a_fault(*kept: object) -> None:
        raise KeyError("model")

    with monkeypatch.context() as patch:
        patch.setattr(trial_log.TrialLog, "keep_model", has_a_fault)
        with pytest.raises(KeyError, match="model"):
            start(2)
    (trial,) = recorded(root).trials
    assert (trial.state, trial.score) == ("interrupted", None)
    assert "KeyError: 'model'" in trial.reason
    start(2)
    assert states(root) == ["complete", "complete"]


def test_a_bug_that_a_trial_hits_again_fails_it_so_that_its_study_can_go_on(
    root: Path, start: Start, script: Script
) -> None:
    for _ in range(2):
        script.ends = [has_a_bug]
        with pytest.raises(RuntimeError, match="KeyError"):
            start(2)
    start(2)
    assert states(root) == ["failed", "complete"]
    assert "KeyError: 'lstm.unit'" in recorded(root).trials[0].reason


def test_a_study_stopped_in_mid_trial_continues_that_trial_in_the_same_run(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [lambda tick: None, stops(script)]
    with pytest.raises(Stopped, match="stopped by SIGINT"):
        start(3)
    assert start.callbacks.ends == [(0, "complete"), (1, "interrupted")]  # type: ignore[attr-defined]
    interrupted = recorded(root).trials[1]
    assert (interrupted.reason, len(interrupted.epochs)) == ("stopped by SIGINT", 1)
    assert faults(root) == []
    assert runs(root) == [
        ("baseline", "FINISHED"),
        ("study", "KILLED"),
        ("trial", "FINISHED"),
        ("trial", "KILLED"),
    ]
    second = start(3)
    assert second.continued == [1]
    assert second.ends == [(1, "complete"), (2, "complete")]
    before, after = script.tasks[1:3]
    assert (after.params, after.seed, after.folder) == (before.params, before.seed, before.folder)
    continued = recorded(root).trials[1]
    assert (continued.run_id, continued.reason) == (interrupted.run_id, "")
    assert_no_epoch_is_recorded_twice(root)
    assert (states(root), faults(root)) == (["complete"] * 3, [])
    assert ("study", "FINISHED") in runs(root)
    assert not (root / "s.trials").exists()


@pytest.mark.parametrize(("seconds", "n"), [(1_000.0, [0, 6]), (0.0, range(7))])
def test_the_summary_is_written_now_and_then_and_at_each_stop_with_every_step(
    root: Path,
    start: Start,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    n: Iterable[int],
) -> None:
    monkeypatch.setattr(loop, "SUMMARY_SECONDS", seconds)
    written = list[int]()

    def write(client: object, run_id: object, study: StudyRecord, steps: object) -> None:
        written.append(sum(trial.has_ended for trial in study.trials))
        original(client, run_id, study, steps)

    original = summary.write_summary
    monkeypatch.setattr(summary, "write_summary", write)
    script.accuracies = [0.8, 0.9, 0.7, 0.7, 0.95, 0.7]
    script.ends = [*[lambda tick: None] * 5, fails]
    start(6)
    assert written == list(n)
    client = connect(root)
    parent = next(run for run in client.search_runs(["1"]) if run.data.tags["kind"] == "study")
    found = client.get_metric_history(parent.info.run_id, "best_val_accuracy")
    assert {point.step: point.value for point in found} == dict(
        enumerate([0.8, 0.9, 0.9, 0.9, 0.95, 0.95], 1)
    )
    assert len(found) == 6
    assert parent.data.tags["best.trial"] == "4"
    assert float(parent.data.tags["study.seconds"]) > 0


class Killed(BaseException):
    """Stands in for SIGKILL: nothing is written after it."""


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (trial_log, "start_run"),
        (study_writer.StudyStore, "put"),
        (trial_log.TrialLog, "epoch"),
        (trial_log.TrialLog, "keep_model"),
        (trial_log.TrialLog, "close"),
        (study_writer.StudyStore, "drop_models"),
        (summary, "write_summary"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_coordinator_that_is_killed_anywhere_ends_as_one_that_was_not(
    root: Path,
    start: Start,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    method: str,
    after: bool,
) -> None:
    real, calls = getattr(owner, method), 0

    def dies(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3 and not after:
            raise Killed
        done = real(*args, **kwargs)
        if calls == 3:
            raise Killed
        return done

    def nothing(*args: object, **kwargs: object) -> None: ...

    script.accuracies = [0.81, 0.82, 0.83, 0.84]
    monkeypatch.setattr(loop, "SUMMARY_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, dies)
        if owner is trial_log:
            patch.setattr(study_writer, method, dies)
        patch.setattr(trial_log.TrialLog, "interrupt", nothing)
        patch.setattr(study_writer.StudyStore, "end", nothing)
        patch.setattr(study_writer.StudyStore, "spend", nothing)
        with pytest.raises(Killed):
            start(4)
    n_done = states(root).count("complete")
    script.accuracies = [0.81, 0.82, 0.83, 0.84][n_done:]
    start(4)
    trials = recorded(root).trials
    assert [(t.number, t.state, t.score and t.score.val_accuracy) for t in trials] == [
        (0, "complete", 0.81),
        (1, "complete", 0.82),
        (2, "complete", 0.83),
        (3, "complete", 0.84),
    ]
    assert_no_epoch_is_recorded_twice(root)
    assert faults(root) == []
    assert "RUNNING" not in {status for _, status in runs(root)}


def test_a_trial_that_the_time_budget_interrupts_is_continued_when_there_is_time(
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
    assert [(trial.state, trial.reason) for trial in trials] == [
        ("complete", ""),
        ("interrupted", "the time of the study was used up"),
    ]
    assert start(None, 60.0).ends == []
    assert start(3, 600.0).ends == [(1, "complete"), (2, "complete")]
    assert faults(root) == []


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
    assert faults(root) == []
    start(2, plan=plan)
    assert [(t.number, t.proposed_by) for t in recorded(root).trials] == [
        (0, "defaults"),
        (1, "lstm-dropout-2016"),
    ]
    assert faults(root) == []


def test_patience_ends_a_study_and_more_patience_goes_on_with_it(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.9, 0.8, 0.8, 0.7, 0.7, 0.7]
    plan = replace(PLAN.with_max_epochs(1), patience=2)
    for _ in range(2):  # the same again does nothing
        start(30, plan=plan)
        assert len(recorded(root).trials) == len(PLAN.initial_trials()) + 2
        assert faults(root) == []
    start(30, plan=replace(plan, patience=3))
    assert len(recorded(root).trials) == len(PLAN.initial_trials()) + 3
    assert faults(root) == []


def test_a_trial_that_is_gone_is_missed_where_the_budget_was_met(root: Path, start: Start) -> None:
    start(3)
    assert faults(root) == []
    connect(root).delete_run(recorded(root).trials[1].run_id)
    assert faults(root) == [
        "2 trials have finished, but the study ended after 3",
    ]


def test_a_study_that_time_ended_may_have_fewer_trials_than_were_asked_for(
    root: Path, start: Start, script: Script
) -> None:
    script.pause = 0.2
    start(30, timeout=0.5)
    assert len(recorded(root).trials) < 30
    assert faults(root) == []


def test_a_study_ends_when_there_is_nothing_left_to_propose(root: Path, script: Script) -> None:
    plan = replace(PLAN, searched=("text.truncating",), references=())
    plan = plan.with_budget(30, None)
    for _ in range(2):
        engine = KerasTunerEngine(plan, seed=7, sampler="random")
        record = replace(RECORD, engine="keras-tuner")
        run_study(root, plan, engine, script, RecordingCallbacks(), record=record)
    trials = recorded(root).trials
    assert [trial.params["text.truncating"] for trial in trials] == ["pre", "post"]
    assert ("study", "FINISHED") in runs(root)
    assert faults(root) == []


def dies(tick: Callable[[], None]) -> None:
    raise Died("its process was killed, most likely because memory ran out")


def test_a_trial_whose_process_died_is_continued_once_and_then_fails(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [lambda tick: None, dies, dies, dies]
    start(4)
    trials = recorded(root).trials
    assert [(trial.state, trial.deaths) for trial in trials] == [
        ("complete", 0),
        ("failed", 1),  # the second time it is the values' fault
        ("complete", 1),
        ("complete", 0),
    ]
    assert "memory ran out" in trials[1].reason
    assert_no_epoch_is_recorded_twice(root)
    assert faults(root) == []


def test_a_death_is_remembered_by_the_next_session(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [dies, stops(script), dies]
    with pytest.raises(Stopped):
        start(2)
    start(2)
    assert [(trial.state, trial.deaths) for trial in recorded(root).trials] == [
        ("failed", 1),
        ("complete", 0),
    ]


@pytest.mark.parametrize("n_workers", [2, 8])
def test_several_workers_end_at_exactly_the_budget(
    root: Path, start: Start, script: Script, n_workers: int
) -> None:
    script.ends = [fails, lambda tick: None, dies]
    start(7, n_workers=n_workers)
    trials = recorded(root).trials
    assert [trial.number for trial in trials] == list(range(7))
    assert states(root).count("failed") == 1
    assert len({trial.seed for trial in trials}) == 7
    assert {task.n_threads for task in script.tasks} == {1}
    assert start(7, n_workers=n_workers).ends == []
    assert faults(root) == []


def test_a_bug_in_one_trial_interrupts_the_others_and_all_are_continued(
    root: Path, start: Start, script: Script
) -> None:
    script.ends = [lambda tick: None, has_a_bug]
    with pytest.raises(RuntimeError, match="KeyError"):
        start(4, n_workers=3)
    first = recorded(root).trials
    assert states(root) == ["interrupted"] * 3
    assert [t.reason for t in first if t.number != 1] == ["its coordinator failed"] * 2
    assert start(4, n_workers=3).continued == [0, 1, 2]
    assert states(root) == ["complete"] * 4
    assert [(t.seed, t.params) for t in recorded(root).trials[:3]] == [
        (t.seed, t.params) for t in first
    ]


def test_a_stop_interrupts_all_that_is_under_way(root: Path, start: Start, script: Script) -> None:
    script.ends = [lambda tick: None, stops(script)]
    with pytest.raises(Stopped):
        start(4, n_workers=2)
    assert (states(root), faults(root)) == (["interrupted"] * 2, [])


@pytest.mark.parametrize(("n_workers", "pruner"), [(1, "median"), (3, "median"), (3, "hyperband")])
def test_in_rounds_neither_stops_nor_haste_change_what_is_proposed(
    root: Path, empty_store: Path, tmp_path: Path, script: Script, n_workers: int, pruner: str
) -> None:
    """Accuracies are those of the values alone here, not of the order in which trials began."""
    script.by_values = True
    other = Path(shutil.copytree(empty_store, tmp_path / "other"))
    found = []
    for folder, budgets in ((root, (14,)), (other, (4, 9, 14))):
        for n in budgets:
            script.ends = [*[lambda tick: None] * 2, stops(script)] if folder == other else []
            for _ in range(2):  # the second start continues what was stopped
                script.stop = False
                plan = PLAN.with_budget(n, None)
                engine = OptunaEngine(plan, seed=7, sampler="tpe", pruner=pruner)
                how = {"n_workers": n_workers, "n_per_round": n_workers}
                with contextlib.suppress(Stopped):
                    run_study(folder, plan, engine, script, RecordingCallbacks(), **how)
        found.append([(t.params, t.seed, t.state) for t in recorded(folder).trials])
    assert found[0] == found[1]


def test_in_rounds_a_promoted_trial_belongs_to_the_round_in_which_it_was_promoted() -> None:
    promoted = build_trial(1, 0.6, 0.7, 0.8, resumed=ResumedRecord(before=4, epochs=1))
    others = [build_trial(number, 0.6, 0.7) for number in (0, 2, 3, 4)]
    history = sorted([promoted, *others], key=lambda trial: trial.number)
    records = SimpleNamespace(history=history)
    coordinating = Coordinator(PLAN, *[None] * 7, n_per_round=2)  # type: ignore[arg-type]
    coordinating.store = records  # type: ignore[assignment]
    seen = coordinating._visible(5)
    assert [trial.number for trial in seen] == [0, 1, 2, 3, 4]
    assert [len(trial.epochs) for trial in seen] == [2, 1, 2, 2, 0]
    assert [trial.state == "running" for trial in seen] == [False, True, False, False, True]
    judging = coordinating._visible(promoted.position, ended=True)
    assert [trial.number for trial in judging] == [0, 2, 3]
    assert coordinating._visible(6) == history


@pytest.mark.parametrize("engine", ["optuna", "keras-tuner"])
def test_a_trial_is_recorded_with_the_parameters_of_its_own_family_alone(
    root: Path, script: Script, engine: str
) -> None:
    plan = (
        replace(STUDIES["architecture"], simple_baselines=())
        .with_max_epochs(1)
        .with_budget(14, None)
    )
    record = replace(RECORD, engine=engine, families=plan.families)
    made: Engine = (
        KerasTunerEngine(plan, seed=7, sampler="hyperband")
        if engine == "keras-tuner"
        else OptunaEngine(plan, seed=7, sampler="tpe", pruner="none")
    )
    run_study(root, plan, made, script, RecordingCallbacks(), record=record)
    trials = recorded(root).trials
    assert len({trial.family for trial in trials}) == len(plan.families)
    for trial in trials:
        assert set(trial.params) == set(plan.space_for(trial.family))
    assert faults(root) == []


def test_only_the_best_models_are_kept(root: Path, start: Start, script: Script) -> None:
    script.accuracies = [0.80, 0.84, 0.82, 0.81, 0.84, 0.83]
    start(6, plan=PLAN.with_max_epochs(1))
    study = recorded(root)
    assert [trial.number for trial in study.trials if trial.model] == [1, 4, 5]
    assert [trial.number for trial in study.candidates[:3]] == [1, 4, 5]
    assert len(list(root.rglob("model.keras"))) == 3


def test_what_keras_tuners_hyperband_promotes_begins_with_the_checkpoint_of_the_first(
    root: Path, script: Script
) -> None:
    n = len(PLAN.initial_trials()) + 3  # of which one is promoted
    plan = PLAN.with_budget(n + 1, None)
    found: dict[str, str] = {}

    def save(tick: Callable[[], None]) -> None:
        file = script.tasks[-1].checkpoint
        found.setdefault(file.parent.name, file.read_text() if file.exists() else "")
        file.write_text(file.parent.name)

    script.ends = [save] * (n + 1)
    engine = KerasTunerEngine(plan, seed=7, sampler="hyperband")
    run_study(root, plan, engine, script, RecordingCallbacks())
    promoted = recorded(root).trials[n]
    of = promoted.proposed_by.removeprefix("promoted-from-")
    assert promoted.params["train.epochs"] == 3
    assert found == {str(number): "" for number in range(n)} | {str(n): of}


def _always_three_epochs() -> StudyPlan:
    """Leave no trial with a first epoch that is its last, which is never pruned."""
    epochs = replace(PLAN.space["train.epochs"], low=3)
    return replace(PLAN, space={**PLAN.space, "train.epochs": epochs})


WITH_SIMPLE_BASELINES = replace(PLAN, simple_baselines=("majority", "tfidf_logistic"))
SIMPLE_BASELINE_SCORE = ScoreRecord(0, 0.88, 0.87, 0.89, 0.3, 0.9, 100, ((4, 1), (0, 5)))


def test_simple_baselines_are_recorded_once_however_often_the_study_is_resumed(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "score_simple_baseline", lambda *given: SIMPLE_BASELINE_SCORE)
    first, second = (start(n, plan=WITH_SIMPLE_BASELINES) for n in (1, 2))
    assert first.simple_baselines == [("majority", ""), ("tfidf_logistic", "")]
    assert second.simple_baselines == []
    recorded = store.read_study(root, "s")
    assert [(c.name, c.score) for c in recorded.simple_baselines] == [
        ("majority", SIMPLE_BASELINE_SCORE),
        ("tfidf_logistic", SIMPLE_BASELINE_SCORE),
    ]
    assert [trial.number for trial in recorded.trials] == [0, 1]


def test_a_simple_baseline_that_fails_is_told_and_tried_again_and_the_study_goes_on(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*given: object) -> ScoreRecord:
        raise TrialFailed("memory ran out")

    monkeypatch.setattr(loop, "score_simple_baseline", dies)
    first = start(1, plan=WITH_SIMPLE_BASELINES)
    assert first.simple_baselines == [
        ("majority", "memory ran out"),
        ("tfidf_logistic", "memory ran out"),
    ]
    assert store.read_study(root, "s").count("complete") == 1
    monkeypatch.setattr(loop, "score_simple_baseline", lambda *given: SIMPLE_BASELINE_SCORE)
    start(1, plan=WITH_SIMPLE_BASELINES)
    assert len(store.read_study(root, "s").simple_baselines) == 2


def test_ctrl_c_in_a_simple_baseline_leaves_nothing_running_and_the_simple_baseline_is_made_again(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*given: object) -> ScoreRecord:
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(loop, "score_simple_baseline", stopped)
    with pytest.raises(Stopped):
        start(1, plan=WITH_SIMPLE_BASELINES)
    assert store.read_study(root, "s").simple_baselines == ()
    monkeypatch.setattr(loop, "score_simple_baseline", lambda *given: SIMPLE_BASELINE_SCORE)
    start(1, plan=WITH_SIMPLE_BASELINES)
    assert len(store.read_study(root, "s").simple_baselines) == 2


def test_a_reproduction_records_its_test_evaluation_and_keeps_no_model(
    root: Path, script: Script
) -> None:
    script.evaluation = evaluation = build_evaluation(0.861)
    plan = replace(STUDIES["tutorials"], only=("lstm-2016", "lstm50-67-33"))
    plan = plan.with_budget(2, None)
    for _ in range(2):  # the same again adds nothing
        record = replace(RECORD, space={})
        run_study(
            root, plan, ListedEngine(plan, seed=7), script, RecordingCallbacks(), record=record
        )
    trials = recorded(root).trials
    assert [(t.proposed_by, t.state, t.evaluation, t.score) for t in trials] == [
        ("lstm-2016", "complete", evaluation, None),
        ("lstm50-67-33", "complete", evaluation, None),
    ]
    assert [task.split for task in script.tasks] == ["official", "pooled-67-33"]
    assert not any(trial.model for trial in trials)


def test_a_trial_that_is_pruned_within_its_first_epoch_is_recorded_with_what_was_seen(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poor(engine: OptunaEngine, trial: TrialRecord, others: History) -> str | None:
        is_poor = trial.number == len(PLAN.initial_trials()) and not trial.epochs
        return "50.00 %, below the best" if is_poor else None

    monkeypatch.setattr(OptunaEngine, "_poor_at_rung", poor)
    monkeypatch.setattr(OptunaEngine, "promote", lambda engine, history: None)
    n = len(PLAN.initial_trials())
    assert start(n + 1, pruner="hyperband").ends[n] == (n, "pruned")
    other, pruned = recorded(root).trials[-2:]
    assert pruned.reason == "after 25 % of the training texts: 50.00 %, below the best"
    assert pruned.epochs == ()
    assert [trial.rung for trial in (other, pruned)] == [RungRecord(0.25, 0.5, 0.1)] * 2


def test_a_trial_that_was_paused_at_a_rung_goes_on_in_its_run_when_it_is_promoted(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = len(PLAN.initial_trials())

    def poor(engine: OptunaEngine, trial: TrialRecord, others: History) -> str | None:
        is_poor = trial.number == first and len(trial.epochs) == 1 and not promoted
        return "poor" if is_poor else None

    def promote(engine: OptunaEngine, history: History) -> int | None:
        paused = [t for t in history if t.state == "pruned" and t.number == first]
        if not paused or len(history) < first + 3:
            return None
        promoted.append(paused[0])
        return first

    promoted: list[TrialRecord] = []
    monkeypatch.setattr(OptunaEngine, "_poor_at_rung", poor)
    monkeypatch.setattr(OptunaEngine, "promote", promote)
    callbacks = start(first + 3, plan=_always_three_epochs(), pruner="hyperband")
    assert callbacks.continued == [first]
    assert callbacks.ends[first] == (first, "pruned")
    assert callbacks.ends[-1] == (first, "complete")
    trial = recorded(root).trials[first]
    assert (trial.run_id, trial.state, len(trial.epochs)) == (promoted[0].run_id, "complete", 3)
    assert trial.resumed == ResumedRecord(before=first + 3, epochs=1)
    assert_no_epoch_is_recorded_twice(root)
    assert faults(root) == []
