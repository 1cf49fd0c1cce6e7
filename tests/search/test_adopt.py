"""A coordinator that is gone loses no training: its trials wait, and the next one adopts them.

The programs are the real ones, with three small trials at a time.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
from mlflow import MlflowClient

from search import adopt, scratch
from search.attempt import Continued
from search.doctor import findings
from search.engines.remembered import told
from search.failures import Died
from search.guard import Guard
from search.tasks import Task
from tests.builders import place_database
from tests.coordinator import DATASET
from tests.programs import ROOT, call, environment, write_few_texts
from tests.sessions import GONE, left_after, processes
from tracking import store
from tracking.records import EpochRecord, ScoreRecord, StudyRecord

STUDY = "feedforward-few"
SECONDS = 300.0  # a busy machine may take more than a minute for a start
NOWHERE = ("search.course.Course", "take", 0)
AFTER_TWO_EPOCHS = ("tracking.trial_log.TrialLog", "epoch", 2)
AFTER_THREE_EPOCHS = ("tracking.trial_log.TrialLog", "epoch", 3)
WITH_A_RESULT = ("tracking.trial_log.TrialLog", "keep_model", 1)

Step = tuple[str, str, int]


@dataclass
class Search:
    """A study of three trials, which start together: what they are depends on the seed alone."""

    home: Path
    engine: str = "optuna"
    n_trials: int = 3

    def run(
        self,
        step: Step,
        *,
        signum: int = signal.SIGKILL,
        grace: float = SECONDS,
        n_workers: int = 3,
    ) -> int:
        """Run it until it ends or is hit; give the exit code."""
        owner, method, n = step
        words = ["--study", "feedforward", "--data", str(self.home / "few.csv")]
        words += ["--trials", str(self.n_trials), "--workers", str(n_workers)]
        words += ["--max-epochs", "3", "--engine", self.engine]
        with (self.home / "output.txt").open("ab") as output:
            return subprocess.run(
                [
                    *(sys.executable, "-m", "tests.killed", owner, method, str(n)),
                    *(signal.Signals(signum).name, str(grace), *words),
                ],
                cwd=ROOT,
                env=environment(self.home),
                stdout=output,
                stderr=output,
                timeout=SECONDS,
                check=False,
            ).returncode

    @property
    def root(self) -> Path:
        return self.home / "mlruns"

    @property
    def folder(self) -> Path:
        return scratch.scratch_of(self.root, STUDY)

    def read(self) -> StudyRecord:
        return store.read_study(self.root, STUDY)

    def void(self) -> list[int]:
        return [trial.number for trial in self.read().trials if trial.void]

    def waiting(self) -> dict[int, adopt.Waiting]:
        return adopt.waiting(self.folder)

    def assert_whole(self) -> None:
        assert findings(self.root, STUDY) == []
        assert not self.folder.exists()
        counted = [trial for trial in self.read().trials if not trial.void]
        assert [trial.state for trial in counted] == ["complete"] * self.n_trials


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    write_few_texts(tmp_path)
    place_database(tmp_path / "mlruns")
    found = Search(tmp_path)
    yield found
    for process in processes(tmp_path):
        with GONE:
            process.kill()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Search]:
    known: dict[str, Search] = {}

    def of(engine: str) -> Search:
        if engine not in known:
            home = tmp_path_factory.mktemp(engine)
            write_few_texts(home)
            place_database(home / "mlruns")
            known[engine] = Search(home, engine)
            assert known[engine].run(NOWHERE) == 0
        return known[engine]

    return of


def until(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def numbers(search: Search) -> list[object]:
    """What was found, but for what a clock or a meter gives."""
    measured = ("seconds", "memory_mb", "first_batch_seconds")

    def plain(record: EpochRecord | ScoreRecord | None) -> dict[str, Any]:
        return {n: v for n, v in vars(record).items() if n not in measured} if record else {}

    return [
        (t.number, dict(t.params), t.seed, t.origin, list(map(plain, t.epochs)), plain(t.score))
        for t in search.read().trials
    ]


def traces(search: Search) -> list[object]:
    """Of each trial the files that were kept, and how often each metric was written."""
    client = MlflowClient(tracking_uri=f"sqlite:///{search.root / 'mlflow.db'}")
    found = []
    for trial in search.read().trials:
        run = client.get_run(trial.run_id)
        once = [name for name in run.data.metrics if not name.startswith(("system", "best_"))]
        times = {name: len(client.get_metric_history(trial.run_id, name)) for name in once}
        files = sorted(file.path for file in client.list_artifacts(trial.run_id))
        found.append((trial.number, files, times))
    return found


def table_of_trials(search: Search) -> list[tuple[str, str]]:
    """State and void of each row of trials.csv."""
    client = MlflowClient(tracking_uri=f"sqlite:///{search.root / 'mlflow.db'}")
    text = client.download_artifacts(store.ids(search.root, STUDY)[1], "trials.csv")
    with Path(text).open(encoding="utf-8", newline="") as table:
        return [(row["state"], row["void"]) for row in csv.DictReader(table)]


@pytest.mark.parametrize("engine", ["optuna", pytest.param("keras-tuner", marks=pytest.mark.slow)])
def test_two_kills_in_mid_training_lose_nothing_and_leave_no_trace(
    search: Search, engine: str, undisturbed: Callable[[str], Search]
) -> None:
    search.engine = engine
    assert search.run(AFTER_TWO_EPOCHS) == -signal.SIGKILL
    assert sorted(search.waiting()) == [0, 1, 2]
    assert search.run(AFTER_THREE_EPOCHS, n_workers=1) == -signal.SIGKILL
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert search.void() == []
    assert numbers(search) == numbers(undisturbed(engine))
    assert traces(search) == traces(undisturbed(engine))


def test_a_result_that_was_sent_and_not_recorded_is_sent_again(
    search: Search, undisturbed: Callable[[str], Search]
) -> None:
    assert search.run(WITH_A_RESULT) == -signal.SIGKILL
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert search.void() == []
    assert numbers(search) == numbers(undisturbed("optuna"))
    assert traces(search) == traces(undisturbed("optuna"))
    study = optuna.load_study(study_name=STUDY, storage=f"sqlite:///{search.root / 'optuna.db'}")
    assert study.user_attrs["seconds"] >= max(t.seconds for t in search.read().trials) - 1


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)]
)
def test_who_is_told_to_end_leaves_its_trials_to_the_next_start(
    search: Search, signum: int, undisturbed: Callable[[str], Search]
) -> None:
    assert search.run(AFTER_TWO_EPOCHS, signum=signum) == 128 + signum
    said = (search.home / "output.txt").read_text()
    assert "trial 1 waits 5 min 00 s for the next start to go on with it" in said
    assert sorted(search.waiting()) == [0, 1, 2]
    assert findings(search.root, STUDY, waiting=search.waiting()) == []
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert search.void() == []
    assert numbers(search) == numbers(undisturbed("optuna"))
    assert traces(search) == traces(undisturbed("optuna"))


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_when_nobody_comes_all_is_gone_and_put_right_after_the_grace_and_made_again(
    search: Search, signum: int
) -> None:
    assert search.run(AFTER_TWO_EPOCHS, signum=signum, grace=20.0) in (128 + signum, -signum)
    one, *_ = search.waiting().values()
    os.kill(one.pid, signal.SIGSTOP)
    assert not left_after(search.home, 120.0)
    assert findings(search.root, STUDY) == []
    assert not search.folder.exists()
    assert search.void() == [0, 1, 2]
    assert table_of_trials(search) == [("failed", "True")] * 3
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert search.void() == [0, 1, 2]
    assert [trial.number for trial in search.read().trials if not trial.void] == [3, 4, 5]


@pytest.mark.slow
def test_one_that_does_not_answer_is_ended_and_made_again(search: Search) -> None:
    assert search.run(AFTER_TWO_EPOCHS) == -signal.SIGKILL
    trial = search.waiting()[1].pid
    # When Keras' server ends, the system lets go on what it has started and what was stopped.
    assert until(lambda: os.getsid(psutil.Process(trial).ppid()) != os.getsid(trial), 120.0)
    os.kill(trial, signal.SIGSTOP)
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert search.void() == [1]
    assert len(told(search.root, "optuna", store.ids(search.root, STUDY)[1])) == 4


def test_an_adopted_process_that_dies_has_died_and_can_be_ended_all_the_same(
    tmp_path: Path,
) -> None:
    ours, theirs = multiprocessing.Pipe()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        task = Task({}, "feedforward", DATASET, 1, tmp_path, grace=60.0)
        hello = adopt.Hello(task.params, task.seed, 1.0, 1.0)
        adopted = adopt.Adopted(process.pid, ours, hello)
        attempt = Continued(task, lambda: None, adopted)
        process.kill()
        theirs.close()
        assert isinstance(attempt.event(), Died)
        attempt.end()


def test_the_doctor_says_what_waits_and_its_repair_ends_it(search: Search) -> None:
    assert search.run(AFTER_TWO_EPOCHS) == -signal.SIGKILL
    told_ = call(search.home, "search.doctor")
    assert told_.returncode == 0, told_.stdout
    waits = f"{STUDY}: trial 2 outlived its coordinator, and waits to be adopted by the next start"
    assert waits in told_.stdout
    repaired = call(search.home, "search.doctor", "--repair", "--study", STUDY)
    assert repaired.returncode == 0, repaired.stdout
    assert "trial 2: its process was waiting, and was ended" in repaired.stdout
    assert "trial 2: it was running, and is void" in repaired.stdout
    assert not search.folder.exists()
    assert search.waiting() == {}
    assert not left_after(search.home, 30.0)
    assert findings(search.root, STUDY) == []


@pytest.mark.slow
def test_a_smaller_budget_ends_what_it_has_no_room_for(search: Search) -> None:
    assert search.run(AFTER_TWO_EPOCHS) == -signal.SIGKILL
    search.n_trials = 2
    assert search.run(NOWHERE) == 0
    search.assert_whole()
    assert len(search.void()) == 1
    assert not left_after(search.home, 30.0)


def accept_two(listener: Listener) -> None:
    """Answer who looks whether we are here, then who calls."""
    for _ in range(2):
        with suppress(EOFError, OSError, AuthenticationError):
            listener.accept()


def test_what_is_not_ours_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "s.trials"
    with scratch.opened(place) as found:
        folder = found.folder
        assert found.is_found
        for number in range(3):
            (folder / str(number)).mkdir()
        (folder / "0" / "socket").write_text("no socket")
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(folder / "1" / "socket"))
        assert adopt.waiting(folder) == {}
        with Listener(str(folder / "2" / "socket"), "AF_UNIX", 16, b"another key") as foreign:
            answer = threading.Thread(target=accept_two, args=(foreign,))
            answer.start()
            (one,) = adopt.waiting(folder).values()
            assert one.pid == os.getpid()
            assert one.call() is None
            one.end()  # us, if it were taken for a trial's
            answer.join()
    assert not place.exists()


def test_a_folder_that_others_can_enter_is_not_used(tmp_path: Path) -> None:
    place = tmp_path / "s.trials"
    place.mkdir(mode=0o755)
    (place / "file").touch()
    with scratch.opened(place) as found:
        assert not found.is_found
        assert found.folder != place
    assert scratch.sockets(place) == {}
    assert (place / "file").exists()


def test_a_long_name_of_a_folder_is_no_hindrance(tmp_path: Path) -> None:
    with scratch.opened(tmp_path / ("long" * 30)) as found:
        folder = found.folder
        (folder / "4").mkdir()
        listener = scratch.listen(folder / "4")
        assert adopt.waiting(folder)[4].pid == os.getpid()
        with suppress(FileNotFoundError):  # the short name is gone already
            listener.close()


@pytest.mark.parametrize(("grace", "is_there"), [(0.5, True), (60.0, False)])
def test_a_guard_kills_a_process_that_is_stopped_when_its_coordinator_dies_or_ends(
    tmp_path: Path, grace: float, is_there: bool
) -> None:
    folder = tmp_path if is_there else tmp_path / "gone"
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        ours.close()
        guard = Guard(theirs.fileno(), folder, grace)  # noqa: F841  it ends us when it is given up
        time.sleep(600)
        os._exit(1)
    theirs.close()
    time.sleep(0.5)
    os.kill(child, signal.SIGSTOP)
    ours.close()
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (0.3 if is_there else 0.0) < time.monotonic() - began < 10
