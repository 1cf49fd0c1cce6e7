"""Finished trials that train on because a person asks for it: `--continue N`.

MLflow is the real one; where the coordinator alone is looked at, a script stands in for the
processes of the trials (tests/coordinator.py). The last test trains.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from search.cli.arguments import parser
from search.cli.dry_run import print_dry_run
from search.cli.options import options
from search.coordinator.audit import audit
from search.coordinator.continuing import can_train_on, to_continue
from search.coordinator.loop import Coordinator
from search.engines.optuna.optuna_engine import OptunaEngine
from search.training.failures import TrialFailed
from spaces.plan import StudyPlan
from tests.builders import build_trial, place_database
from tests.coordinator import DATASET, MODEL, RECORD, RecordingCallbacks, Script, place
from tests.coordinator import PLAN as SHORT
from tests.programs import call
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.connection.runs import connect
from tracking.records import EpochRecord, StudyRecord, TrialRecord

STUDY = "lstm-parted-smoke"  # of smoke_home
LESS, MORE = 2, 4  # epochs


def plan(epochs: int) -> StudyPlan:
    """A plan whose trials all have so many epochs, and a step size that does not fall."""
    known = SHORT.space["train.epochs"]
    fixed = {
        "train.epochs": replace(known, low=epochs, high=epochs, default=epochs),
        "train.schedule": replace(SHORT.space["train.schedule"], default="constant"),
    }
    return replace(SHORT, space={**SHORT.space, **fixed}, references=())


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place_database(tmp_path / "store")
    return tmp_path / "store"


Start = Callable[..., RecordingCallbacks]


@pytest.fixture
def start(root: Path, script: Script) -> Start:
    """Run a session of the study `s`; a second call is a second session."""

    def start(
        epochs: int, n_continued: int = 0, n_trials: int = 3, **changes: int
    ) -> RecordingCallbacks:
        script.stop = False
        callbacks, own = RecordingCallbacks(), plan(epochs).with_budget(n_trials, None)
        Coordinator(
            own,
            OptunaEngine(own, seed=7, sampler="random", pruner="none"),
            store.open_study(root, replace(RECORD, max_epochs=epochs), fresh=False),
            DATASET,
            callbacks,
            script.check_stop,
            place(script),
            root / "s.trials",
            n_continued=n_continued,
            **changes,  # type: ignore[arg-type]
        ).run()
        return callbacks

    return start


@pytest.fixture
def finished(start: Start, script: Script) -> None:
    """Three trials of two epochs each; the second is the best, the third the next."""
    script.accuracies = [0.81, 0.83, 0.82]
    start(LESS)


def recorded(root: Path) -> tuple[TrialRecord, ...]:
    study = store.read_study(root, "s")
    assert audit(study, store.condition(root, "s")) == []
    return study.trials


def steps(root: Path, trial: TrialRecord) -> list[int]:
    """The epochs of a trial that MLflow has, each as often as it was recorded."""
    history = connect(root).get_metric_history(trial.run_id, "val_accuracy")
    return [metric.step for metric in history]


def epochs_of(trials: tuple[TrialRecord, ...]) -> list[int]:
    return [len(trial.epochs) for trial in trials]


@pytest.mark.usefixtures("finished")
def test_the_best_train_on_under_their_number_in_their_run(
    root: Path, start: Start, script: Script
) -> None:
    before = recorded(root)
    script.accuracies = [0.83, 0.82]
    callbacks = start(MORE, 2)
    assert callbacks.continued == [1, 2]
    assert callbacks.ends == [(1, "complete"), (2, "complete")]
    trials = recorded(root)
    assert epochs_of(trials) == [LESS, MORE, MORE]
    assert [trial.run_id for trial in trials] == [trial.run_id for trial in before]
    assert [trial.params["train.epochs"] for trial in trials] == [LESS, MORE, MORE]
    assert [trial.continued_to for trial in trials] == [None, MORE, MORE]
    assert trials[0] == before[0]
    for trial in trials:
        assert steps(root, trial) == [epoch.epoch for epoch in trial.epochs]
        assert store.model_file(root, trial).read_bytes() == MODEL


@pytest.mark.usefixtures("finished")
def test_the_same_again_does_nothing_and_a_larger_number_continues_the_next(
    root: Path, start: Start, script: Script
) -> None:
    script.accuracies = [0.83, 0.82]
    start(MORE, 2)
    assert start(MORE, 2).ends == []
    assert start(MORE).ends == []
    script.accuracies = [0.81]
    assert start(MORE, 3).continued == [0]
    assert epochs_of(recorded(root)) == [MORE] * 3


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize(("epochs", "n"), [(MORE, 4), (LESS, 1)], ids=["many", "no more epochs"])
def test_more_than_can_train_on_is_refused_in_one_line(start: Start, epochs: int, n: int) -> None:
    with pytest.raises(UserError, match=rf"^--continue {n} needs {n} finished trials .*there are"):
        start(epochs, n)


@pytest.mark.usefixtures("finished")
def test_a_stop_is_a_pause_and_the_score_is_kept_meanwhile(
    root: Path, start: Start, script: Script
) -> None:
    def stop(tick: Callable[[], None]) -> None:
        if len(store.read_study(root, "s").trials[1].epochs) > LESS:
            script.stop = True
            tick()

    script.accuracies, script.ends = [0.83], [stop]
    with pytest.raises(Stopped):
        start(MORE, 1)
    study = store.read_study(root, "s")
    paused = study.trials[1]
    assert (paused.state, len(paused.epochs)) == ("interrupted", MORE - 1)
    assert study.candidates[0] == paused
    assert store.model_file(root, paused).read_bytes() == MODEL
    script.accuracies = [0.83]
    assert start(LESS).continued == [1]  # without being asked again, to the epochs of then
    trial = recorded(root)[1]
    assert (trial.state, trial.continued_to) == ("complete", MORE)
    assert steps(root, trial) == [1, 2, 3, 4]


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("reason", ["out of memory", "other numbers"])
def test_one_that_cannot_train_on_stays_as_it_was(
    root: Path, start: Start, script: Script, reason: str
) -> None:
    def fail(tick: Callable[[], None]) -> None:
        raise TrialFailed("out of memory")

    before = recorded(root)[1]
    if reason == "out of memory":
        script.accuracies, script.ends = [0.83], [fail]
    else:
        script.accuracies = [0.84]
    assert start(MORE, 1).ends == [(1, "complete")]
    after = recorded(root)[1]
    assert reason in after.reason
    same = replace(after, reason="", seconds=before.seconds, ended=before.ended, resumed=None)
    assert same == before
    assert store.model_file(root, after).read_bytes() == MODEL
    script.accuracies = [0.83]
    assert start(MORE, 1).continued == [1]  # it is tried again
    assert epochs_of(recorded(root)) == [LESS, MORE, LESS]


@pytest.mark.usefixtures("finished")
def test_no_pruner_ends_a_trial_that_had_finished(
    root: Path, start: Start, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OptunaEngine, "should_prune", lambda *args: "poor")
    script.accuracies = [0.83]
    assert start(MORE, 1).ends == [(1, "complete")]


def test_checkpoints_are_kept_where_a_model_is(root: Path, start: Start, script: Script) -> None:
    def save(tick: Callable[[], None]) -> None:
        script.tasks[-1].checkpoint.touch()

    script.accuracies, script.ends = [0.81, 0.83, 0.82], [save] * 3
    start(LESS, keep_models=2)
    left = sorted(file.relative_to(root).as_posix() for file in (root / "s.trials").rglob("*.*"))
    assert left == ["s.trials/1/checkpoint.npz", "s.trials/2/checkpoint.npz"]


def test_finalists_of_an_evaluation_stay_what_it_is_about(
    root: Path, start: Start, finished: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tracking.writing.study_writer.StudyStore.finalists", lambda self: {1, "majority"}
    )
    with pytest.raises(UserError, match=r"needs 3 finished trials .* there are 2"):
        start(MORE, 3)


def test_a_dry_run_says_how_many_would_train_on_and_how_far() -> None:
    words = ["--study", "lstm_dropout", "--max-epochs", "9", "--continue", "2", "--dry-run"]
    out = io.StringIO()
    print_dry_run(Console(file=out, width=200), options(parser().parse_args(words)), DATASET)
    assert "first: the best 2 finished trials train on, up to 9 epochs\n" in out.getvalue()


def test_early_stopping_is_not_undone() -> None:
    params = {"train.epochs": 4, "train.patience": 2}
    stopped = build_trial(0, 0.8, 0.85, 0.84, 0.83, params=params)
    assert not can_train_on(stopped)
    assert can_train_on(build_trial(0, 0.8, 0.84, 0.85, 0.83, params=params))
    assert not can_train_on(build_trial(0, 0.8, state="pruned", params=params))


def test_a_step_size_that_falls_over_its_own_epochs_is_not_undone() -> None:
    params = {"train.epochs": 2, "train.patience": 2}
    for schedule, can in {"cosine": False, "constant": True}.items():
        trial = build_trial(0, 0.8, 0.85, params={**params, "train.schedule": schedule})
        assert can_train_on(trial) == can
    falls = replace(trial, params={**trial.params, "train.schedule": "cosine"})
    with pytest.raises(UserError, match=r"have a train\.schedule that spans their own epochs"):
        to_continue([falls], 1, 9, ())


def numbers(study: StudyRecord) -> list[tuple[int, float, float | None, float | None]]:
    (trial,) = (trial for trial in study.trials if trial.number == 0)
    return [_numbers(epoch) for epoch in trial.epochs]


def _numbers(epoch: EpochRecord) -> tuple[int, float, float | None, float | None]:
    return epoch.epoch, epoch.train_loss, epoch.val_loss, epoch.val_accuracy


def test_a_trained_trial_continues_to_what_it_would_have_been_with_more_epochs(
    tmp_path: Path, smoke_home: Path
) -> None:
    table = str(smoke_home / "parted.csv")
    study = ["--study", "lstm", "--data", table, "--smoke", "--set", "train.schedule=constant"]
    words = [*study, "--max-epochs", "3", "--trials"]
    home, whole = tmp_path / "continued", tmp_path / "whole"
    for folder in (home, whole):
        (folder / "mlruns").mkdir(parents=True)
        (folder / "cache").symlink_to(smoke_home / "cache")
    first = call(home, "search.run", *study)
    assert first.returncode == 0, first.stderr
    # On a slow machine an epoch takes so long that there is one; here all is trained again.
    shutil.rmtree(home / "mlruns" / f"{STUDY}.trials", ignore_errors=True)
    done = call(home, "search.run", *words, "2", "--continue", "2")
    assert done.returncode == 0, done.stderr
    assert "trial 0 is continued after epoch 1; it has no checkpoint, so" in done.stdout
    one = call(whole, "search.run", *words, "1")
    assert one.returncode == 0, one.stderr
    studies = [store.read_study(folder / "mlruns", STUDY) for folder in (home, whole)]
    assert numbers(studies[0]) == numbers(studies[1])
    assert studies[0].trials[0].score == studies[1].trials[0].score
    assert call(home, "search.doctor", "--study", STUDY).returncode == 0
