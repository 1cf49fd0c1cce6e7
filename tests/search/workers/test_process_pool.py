"""A trial's process, the real one: what it gives, and that it is gone whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from search.datasets.batches import Ragged
from search.datasets.cache import Dataset
from search.training.failures import Died, TrialFailed
from search.workers.process_pool import ProcessPool, run_all
from search.workers.ray_cluster.cluster_options import ClusterPlan
from search.workers.ray_cluster.ray_worker import Evaluator
from search.workers.tasks import Task
from search.workers.trial_process import server
from spaces.ranges import Value
from spaces.studies import STUDIES
from tracking.commandline.errors import Stopped
from tracking.records import EpochRecord, ScoreRecord

SMALL = {
    "text.vocab_size": 500,
    "text.maxlen": 20,
    "train.epochs": 2,
    "train.patience": 2,
    "train.batch_size": 32,
}
PARAMS = {
    "lstm": STUDIES["lstm"].complete({**SMALL, "lstm.embedding_dim": 8, "lstm.units": 8}),
    # Where the architecture does not matter: it is ready in a third of the time.
    "feedforward": STUDIES["feedforward"].complete(SMALL),
}


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    with server():
        yield


@pytest.fixture(autouse=True)
def _no_process_is_left_behind() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


@dataclass(frozen=True)
class StartsAProcess(Dataset):
    """A data set whose reading starts a process, as a library may."""

    child: Path = Path()

    def tokens(self, part: str) -> Ragged:
        if not self.child.exists():
            self.child.write_text(str(subprocess.Popen(["sleep", "600"]).pid))
        return super().tokens(part)


class HasNoMemory(Dataset):
    """A data set that is too large for the memory that the system allows the process."""

    def tokens(self, part: str) -> Ragged:
        resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
        np.zeros(2**35, np.uint8)
        return super().tokens(part)


@dataclass(frozen=True)
class IsKilledWhileSaving(Dataset):
    """A data set whose vocabulary, which is read to save the model, comes with a kill."""

    said: Path = Path()

    def vocabulary(self) -> list[str]:
        self.said.write_text(tempfile.mkdtemp())  # as Keras makes one to save a model
        os.kill(os.getpid(), signal.SIGKILL)
        return super().vocabulary()


def wait() -> None:
    """A tick that has nothing to do."""


def pid() -> int:
    """The process of the attempt under way."""
    (process,) = multiprocessing.active_children()
    assert process.pid is not None
    return process.pid


def trial_processes() -> list[psutil.Process]:
    """All children of the server that trials are forked from."""
    running: Any = forkserver._forkserver
    return psutil.Process(running._forkserver_pid).children()


def make(folder: Path, data: Dataset, family: str = "feedforward", **changes: Value) -> Task:
    params = PARAMS[family if family in PARAMS else "feedforward"]
    params = {**params, **{f"train.{name}": value for name, value in changes.items()}}
    return Task(params, family, data, seed=1, folder=folder)


def train(
    task: Task,
    *,
    tick: Callable[[], None] = wait,
    first: Callable[[], None] = wait,
    each_epoch: Callable[[], None] = wait,
) -> ScoreRecord:
    """Evaluate a task as the coordinator does, with something happening on the way."""
    for number, (_, event) in enumerate(run_all([task], 1, tick_then(tick, first))):
        if isinstance(event, TrialFailed):
            raise event
        if isinstance(event, EpochRecord):
            assert event.epoch == number + 1
            each_epoch()
    assert isinstance(event, ScoreRecord)
    return event


def tick_then(tick: Callable[[], None], first: Callable[[], None]) -> Callable[[], None]:
    """A tick that also does something once, as soon as the process is there."""
    waiting = [first]

    def both() -> None:
        tick()
        if waiting and multiprocessing.active_children():
            waiting.pop()()

    return both


def test_a_trial_gives_its_epochs_then_its_result_and_leaves_its_model(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    ticks: list[int] = []
    task = make(tmp_path, tiny_dataset, "lstm")

    def tick() -> None:  # the first comes before the process is there
        ticks.extend(process.pid or 0 for process in multiprocessing.active_children())

    *epochs, result = [event for _, event in run_all([task], 1, tick)]
    assert [type(epoch) for epoch in epochs] == [EpochRecord, EpochRecord]
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    best = max(epochs, key=lambda epoch: (epoch.val_accuracy, -epoch.epoch))
    assert result.best_epoch == best.epoch
    assert result.val_accuracy == pytest.approx(best.val_accuracy, abs=1e-6)
    assert sum(map(sum, result.confusion)) == tiny_dataset.n_texts["validation"]
    assert result.n_parameters == 500 * 8 + 4 * 8 * (8 + 8 + 1) + 2 * 8 + 1
    assert task.model.stat().st_size > 1_000
    assert "embedding" in task.summary.read_text("utf-8")
    assert len(set(ticks)) == 1
    assert ticks[0] != os.getpid()


def test_numbers_do_not_depend_on_how_many_work_side_by_side(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    tasks = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        tasks.append(replace(make(tmp_path / name, tiny_dataset, "lstm"), n_threads=1))
    alone = train(tasks[0])
    results = [e for _, e in run_all(tasks[1:], 2, wait) if isinstance(e, ScoreRecord)]
    assert results == [alone, alone]


def test_a_trial_that_hangs_is_ended_and_the_others_go_on(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    with ProcessPool(1, wait, time_limit=1.0) as pool_:
        task = make(tmp_path, tiny_dataset, "lstm")
        pool_.start(task)
        time.sleep(0.5)
        os.kill(pid(), signal.SIGSTOP)
        events: list[object] = []
        while not events:
            events = [event for _, event in pool_.events()]
        assert isinstance(events[-1], TrialFailed)
        assert not isinstance(events[-1], Died)  # which would be tried once more
        assert "was not done after 1 s (--trial-timeout)" in str(events[-1])
        assert pool_.n_free == 0
        assert pool_.events() == []
        pool_.stop(task)
        assert pool_.n_free == 1


def test_a_bug_is_not_a_failed_trial_and_comes_with_its_traceback(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    task = make(tmp_path, tiny_dataset, family="perceptron")
    with pytest.raises(RuntimeError, match=r"(?s)Traceback .*\nValueError: unknown family 'perc"):
        train(task)


def test_values_that_cannot_be_trained_fail_the_trial(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    task = make(tmp_path, tiny_dataset, learning_rate=float("inf"))
    with pytest.raises(TrialFailed, match="loss became nan in epoch 1"):
        train(task)
    assert not task.model.exists()


@pytest.mark.parametrize(
    ("signum", "reason"),
    [
        (signal.SIGKILL, "process was killed, most likely because memory ran out"),
        (signal.SIGSEGV, "process ended by SIGSEGV. Its last words: "),
    ],
)
def test_a_process_that_dies_in_training_fails_the_trial_and_says_how(
    tmp_path: Path, tiny_dataset: Dataset, signum: signal.Signals, reason: str
) -> None:
    with pytest.raises(TrialFailed, match=reason):
        train(make(tmp_path, tiny_dataset), each_epoch=lambda: os.kill(pid(), signum))


def test_a_process_that_is_killed_before_it_wrote_anything_fails_the_trial(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    with pytest.raises(TrialFailed, match="was killed"):
        train(make(tmp_path, tiny_dataset), first=lambda: os.kill(pid(), signal.SIGKILL))


def test_what_a_killed_process_leaves_lies_in_its_own_folder_which_is_deleted_with_the_trial(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    said, own = tmp_path / "said", tmp_path / "own"
    own.mkdir()
    with pytest.raises(TrialFailed, match="was killed"):
        train(make(own, IsKilledWhileSaving(**vars(tiny_dataset), said=said)))
    left = Path(said.read_text())
    assert left.is_dir()
    assert left.parent == own


def test_what_a_killed_process_leaves_on_a_node_of_a_cluster_is_no_fault(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    evaluator = Evaluator(ClusterPlan("local", 1, n_cpus=1, n_gpus=0, time_limit=None), tmp_path)
    evaluator._data = tiny_dataset.folder
    data = IsKilledWhileSaving(**vars(tiny_dataset), said=tmp_path / "said")
    answer = evaluator.start(make(tmp_path, data))
    while not answer.is_end:
        answer = evaluator.go_on()
    assert "was killed" in str(answer.event)
    left = Path((tmp_path / "said").read_text())
    assert left.parent.parent == tmp_path
    assert not left.parent.exists()


def test_what_a_trial_started_ends_with_it(tmp_path: Path, tiny_dataset: Dataset) -> None:
    child = tmp_path / "child"
    with ProcessPool(1, wait) as pool_:
        task = make(tmp_path, StartsAProcess(**vars(tiny_dataset), child=child))
        pool_.start(task)
        while not pool_.events():
            pass
        started = int(child.read_text())
        assert psutil.Process(started).status() != psutil.STATUS_ZOMBIE
        pool_.stop(task)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(started)


def test_memory_that_a_limit_refuses_fails_the_trial(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    task = make(tmp_path, HasNoMemory(**vars(tiny_dataset)))
    with pytest.raises(TrialFailed, match="out of memory"):
        train(task)


def test_a_pruned_trial_leaves_no_process_behind(tmp_path: Path, tiny_dataset: Dataset) -> None:
    task = make(tmp_path, tiny_dataset)
    with ProcessPool(1, wait) as pool_:
        pool_.start(task)
        events: list[object] = []
        while not events:
            events = [event for _, event in pool_.events()]
        assert [type(event) for event in events] == [EpochRecord]
        process = pid()
        pool_.stop(task)
        assert multiprocessing.active_children() == []
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not task.model.exists()


def test_what_the_tick_raises_ends_the_trial(tmp_path: Path, tiny_dataset: Dataset) -> None:
    def stop() -> None:
        raise Stopped(signal.SIGTERM)

    with pytest.raises(Stopped, match="stopped by SIGTERM"):
        train(make(tmp_path, tiny_dataset), tick=stop)


def test_a_stop_in_the_middle_of_a_start_leaves_no_process_and_nobody_complains(
    tmp_path: Path,
    tiny_dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stopped: list[int] = []

    def tick() -> None:
        if stopped:
            raise Stopped(stopped[0])

    def handle(signum: int, frame: object) -> None:
        stopped.append(signum)
        tick()

    def interrupted(fds: Sequence[int], connect: Any = forkserver.connect_to_new_process) -> Any:
        found = connect(fds)
        time.sleep(0.5)  # the process is born, and waits to be told what it is to do
        os.kill(os.getpid(), signal.SIGUSR1)
        return found

    with suppress(TrialFailed):  # the server has Keras loaded when this process was born
        train(make(tmp_path, tiny_dataset), first=lambda: os.kill(pid(), signal.SIGKILL))
    before = signal.signal(signal.SIGUSR1, handle)
    monkeypatch.setattr(forkserver, "connect_to_new_process", interrupted)
    try:
        with pytest.raises(Stopped):
            train(make(tmp_path, tiny_dataset), tick=tick)
    finally:
        signal.signal(signal.SIGUSR1, before)
    deadline = time.monotonic() + 10
    while trial_processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert trial_processes() == []
    assert capfd.readouterr().err == ""


def test_ctrl_c_in_the_terminal_is_left_to_the_coordinator(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    train(make(tmp_path, tiny_dataset), each_epoch=lambda: os.kill(pid(), signal.SIGINT))


def test_several_tasks_run_at_a_time_and_each_gives_its_epochs_then_its_end(
    tmp_path: Path, tiny_dataset: Dataset
) -> None:
    tasks = []
    for number, rate in enumerate((0.002, float("inf"), 0.002)):
        (tmp_path / str(number)).mkdir()
        task = make(tmp_path / str(number), tiny_dataset, learning_rate=rate)
        tasks.append(replace(task, n_threads=1))
    alive: list[int] = []

    def tick() -> None:
        alive.append(len(multiprocessing.active_children()))

    events: dict[Path, list[object]] = {task.folder: [] for task in tasks}
    for task, event in run_all(tasks, 2, tick):
        events[task.folder].append(event)
    kinds = [[type(event) for event in events[task.folder]] for task in tasks]
    trained = [EpochRecord, EpochRecord, ScoreRecord]
    assert kinds == [trained, [TrialFailed], trained]
    assert max(alive) == 2
    one, other = (events[tasks[number].folder] for number in (0, 2))
    assert one[-1] == other[-1]  # the same seed beside others gives the same
    assert np.load(tasks[0].predictions).shape == (tiny_dataset.n_texts["validation"], 2)


def test_what_the_tick_raises_ends_all_tasks(tmp_path: Path, tiny_dataset: Dataset) -> None:
    def stop() -> None:
        if len(multiprocessing.active_children()) == 2:
            raise Stopped(signal.SIGTERM)

    tasks = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        tasks.append(make(tmp_path / str(number), tiny_dataset))
    with pytest.raises(Stopped):
        list(run_all(tasks, 2, stop))
