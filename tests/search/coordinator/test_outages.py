"""Records that go away and come back: nothing is lost, and the study goes on by itself.

MLflow and PostgreSQL are the real ones; trials sleep instead of training.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from search.audit import audit
from search.coordinator.lock import alone
from tests.builders import place_database
from tests.coordinator import RecordingCallbacks, Script, run_search
from tests.servers import Database, start_mlflow
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.commandline.paths import TRACKING_URI
from tracking.connection import address, retry
from tracking.connection.advisory import AdvisoryLock
from tracking.connection.retry import Outage, Patience


@dataclass
class Search:
    """A study of trials that sleep.

    Attributes:
        said: what was said of outages.
    """

    root: Path
    script: Script
    said: list[str] = field(default_factory=list)
    callbacks: RecordingCallbacks = field(default_factory=RecordingCallbacks)

    def run(self, n_trials: int, *, limit: float = 300, n_workers: int = 2) -> None:
        self.root.mkdir(exist_ok=True)
        with alone(self.root, "s") as hold:
            patience = Patience(self.said.append, self.script.check_stop, hold.keep, limit)
            run_search(
                self.root,
                n_trials,
                self.script,
                self.callbacks,
                n_workers=n_workers,
                pruner="median",
                patience=retry,
            )

    def wait_for(self, n_trials: int) -> None:
        """Wait until so many trials have ended."""
        while len(self.callbacks.ends) < n_trials:
            time.sleep(0.02)

    def assert_whole(self, n_trials: int) -> None:
        """Each trial and each of its epochs is on record once, and as many as were asked for."""
        found = store.read_study(self.root, "s")
        assert audit(found, store.condition(self.root, "s")) == []
        assert [trial.number for trial in found.trials] == list(range(n_trials))
        assert len({trial.seed for trial in found.trials}) == n_trials
        for trial in found.trials:
            epochs = [epoch.epoch for epoch in trial.epochs]
            whole = list(range(1, int(trial.params["train.epochs"]) + 1))
            assert epochs == whole or trial.state == "pruned"
        kept = [trial for trial in found.trials if trial.model]
        client = MlflowClient(address.tracking_uri(self.root))
        models = client.search_logged_models([store.ids(self.root, "s")[0]])
        assert len(models) == len(kept) == min(3, n_trials)
        runs = client.search_runs([store.ids(self.root, "s")[0]])
        assert len(runs) == len({run.info.run_name for run in runs})
        for trial in found.trials:
            run = client.get_run(trial.run_id)
            assert len(run.inputs.dataset_inputs) == 1
            assert len(run.outputs.model_outputs) == 1 or trial.state == "pruned"
            written = client.get_metric_history(trial.run_id, "val_accuracy")
            assert [metric.step for metric in written] == [epoch.epoch for epoch in trial.epochs]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    return Search(tmp_path / "mlruns", Script(pause=0.02))


@pytest.fixture
def in_postgresql(
    search: Search, postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Search]:
    """Records in a database, whose password nobody says."""
    monkeypatch.setenv(TRACKING_URI, postgresql.create_for_mlflow())
    yield search
    assert not [line for line in search.said if postgresql.password in line]


@contextmanager
def meanwhile(happens: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let something happen in a thread, until the block ends."""
    over = threading.Event()
    thread = threading.Thread(target=happens, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def answers_lost(every: int) -> Iterator[None]:
    """Fail a commit before it is done, the next when it is done, and then none of `every`."""
    turn = itertools.cycle(["before", "after", *[""] * every])
    now = ""

    def fail() -> None:
        locked = sqlite3.OperationalError("database is locked")
        raise OperationalError("COMMIT", None, locked)

    def before(session: Session) -> None:
        nonlocal now
        now = next(turn)
        if now == "before":
            fail()

    def after(session: Session) -> None:
        if now == "after":
            fail()

    event.listen(Session, "before_commit", before)
    event.listen(Session, "after_commit", after)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", before)
        event.remove(Session, "after_commit", after)


@pytest.mark.parametrize("every", [pytest.param(7, marks=pytest.mark.slow), 10])
def test_what_was_written_although_the_answer_was_lost_is_not_written_twice(
    search: Search, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_FIRST_SECONDS", 0.001)
    place_database(search.root)
    search.run(1)  # so that a study is there
    with answers_lost(every):
        search.run(5)
    assert len(search.said) > 10
    search.assert_whole(5)


def test_connections_that_are_cut_in_the_middle_are_made_anew(
    in_postgresql: Search, postgresql: Database
) -> None:
    n_cut = 0

    def cuts(over: threading.Event) -> None:
        nonlocal n_cut
        in_postgresql.wait_for(1)
        while not over.wait(0.1):
            n_cut += postgresql.cut()

    with meanwhile(cuts):
        in_postgresql.run(16)
    assert n_cut > 20
    in_postgresql.assert_whole(16)


def test_a_study_that_is_taken_over_in_an_outage_is_left_at_once(
    in_postgresql: Search, postgresql: Database
) -> None:
    uri = os.environ[TRACKING_URI]
    others: list[AdvisoryLock] = []
    records: list[str] = []

    def takes_over(tick: Callable[[], None]) -> None:
        """As a second coordinator on another machine, while the first has no connection."""
        postgresql.cut()
        others.append(AdvisoryLock(uri, "study s", "process 1 of you@there"))
        assert others[0].keep() is None
        records.append(postgresql.dump(uri))

    in_postgresql.script.ends = [lambda tick: None] * 2 + [takes_over]
    with pytest.raises(UserError, match=r"^study s was taken over by process 1 of you@there"):
        in_postgresql.run(5)
    assert [postgresql.dump(uri)] == records
    others[0].release()
    in_postgresql.run(5)
    in_postgresql.assert_whole(5)


def test_a_database_that_stays_away_ends_the_study_with_one_line_and_nothing_lost(
    in_postgresql: Search, postgresql: Database
) -> None:
    in_postgresql.script.ends = [lambda tick: None] * 2 + [lambda tick: postgresql.stop()]
    before = time.monotonic()
    said = r"^the tracking store has not answered for \d s: OperationalError: .+ the same command"
    with pytest.raises(Outage, match=said) as end:
        in_postgresql.run(5, limit=1.5)
    assert time.monotonic() - before < 10  # nobody waits once more for what ends the study
    assert "\n" not in str(end.value)
    assert postgresql.password not in str(end.value)
    postgresql.start()
    in_postgresql.run(5)
    in_postgresql.assert_whole(5)


def test_ctrl_c_ends_the_waiting(in_postgresql: Search, postgresql: Database) -> None:
    script = in_postgresql.script

    def stops(tick: Callable[[], None]) -> None:
        postgresql.stop()
        threading.Timer(1, setattr, (script, "stop", True)).start()

    script.ends = [stops]
    before = time.monotonic()
    try:
        with pytest.raises(Stopped):
            in_postgresql.run(5)
    finally:
        postgresql.start()
    assert time.monotonic() - before < 10
    script.stop = False
    in_postgresql.run(5)
    in_postgresql.assert_whole(5)


@contextmanager
def locked(file: Path, seconds: float) -> Iterator[None]:
    """Let another process hold a SQLite file locked for a while."""
    code = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); time.sleep(float(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(file), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield


@pytest.mark.slow
def test_an_mlflow_server_that_is_away_is_waited_for(
    search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    away = threading.Event()

    def comes_back(over: threading.Event) -> None:
        away.wait()
        time.sleep(20)
        with start_mlflow(folder, port):
            over.wait()

    with ExitStack() as server:
        address = server.enter_context(start_mlflow(folder))
        port = int(address.rpartition(":")[2])
        monkeypatch.setenv(TRACKING_URI, address)

        def ends(tick: Callable[[], None]) -> None:
            server.close()
            away.set()

        search.script.ends = [lambda tick: None, ends]
        with meanwhile(comes_back):
            search.run(3)
            search.assert_whole(3)
    assert search.said[0].startswith("the tracking store does not answer: ")


@pytest.mark.slow
def test_a_database_that_is_stopped_for_20_s_is_waited_for(
    in_postgresql: Search, postgresql: Database
) -> None:
    def stops(over: threading.Event) -> None:
        in_postgresql.wait_for(2)
        postgresql.stop()
        time.sleep(20)
        postgresql.start()

    with meanwhile(stops):
        in_postgresql.run(40)
    in_postgresql.assert_whole(40)
    first, *_, last = in_postgresql.said
    assert first.startswith("the tracking store does not answer: ")
    assert " answers again, after " in last


@pytest.mark.slow
def test_connections_that_are_cut_every_2_s_for_a_minute_are_made_anew(
    in_postgresql: Search, postgresql: Database
) -> None:
    cuts: list[int] = []

    def cut(over: threading.Event) -> None:
        in_postgresql.wait_for(1)
        began = time.monotonic()
        while len(cuts) < 30 and not over.wait(began + 2 * len(cuts) - time.monotonic()):
            cuts.append(postgresql.cut())

    in_postgresql.script.pause = 0.4
    with meanwhile(cut):
        in_postgresql.run(120)
    assert len(cuts) == 30
    in_postgresql.assert_whole(120)


@pytest.mark.slow
def test_a_file_that_is_locked_for_30_s_is_waited_for(search: Search) -> None:
    place_database(search.root)
    search.run(2)
    with locked(search.root / "mlflow.db", 30):
        search.run(5)
    assert search.said[0].endswith("database is locked; trying again")
    search.assert_whole(5)
