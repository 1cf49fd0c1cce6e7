"""Who is told to end, and not interrupted, leaves what is under way as it is.

The trials' processes are stand-ins; test_adopt.py has the real ones.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from search import session, study
from search.doctor import findings
from search.engines import Asked
from search.engines.optuna import OptunaEngine
from search.failures import TrialFailed
from search.scratch import scratch_of
from search.study import Coordinator
from search.watcher import Outcome
from tests.builders import place_database
from tests.coordinator import DATASET, PLAN, RECORD, FakePool, Script, Watching, place
from tracking import store
from tracking.cli import Stopped
from tracking.records import EpochRecord
from tracking.trial_log import TrialLog


class Search:
    """A study of two workers, whose trials have three epochs."""

    def __init__(self, root: Path, script: Script) -> None:
        self.root = root
        self.script = script
        self.watching = Watching()
        self.folder = scratch_of(root, "s")

    def run(self, *, outlives: bool = True) -> None:
        plan = PLAN.with_budget(4, None)
        records = store.open_study(self.root, RECORD, fresh=False)
        values = (self.root / "optuna.db", "s", records.parent, plan)
        engine = OptunaEngine(*values, seed=7, sampler="tpe", pruner="none")
        stop, where = self.script.check_stop, place(self.script, 2, outlives=outlives)
        Coordinator(
            plan, engine, records, DATASET, self.watching, stop, where, scratch=self.folder
        ).run()
        self.engine = engine

    def states(self) -> list[str]:
        return [trial.state for trial in store.read_study(self.root, "s").trials]

    def assert_left(self) -> None:
        assert self.watching.left == [0, 1]
        assert self.states() == ["running", "running"]
        assert sorted(path.name for path in self.folder.iterdir()) == ["0", "1", "key"]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    place_database(tmp_path)
    monkeypatch.setattr(session, "Pool", FakePool)
    return Search(tmp_path, Script(signum=signal.SIGTERM))


def stops(search: Search) -> Callable[[Callable[[], None]], None]:
    def stop(tick: Callable[[], None]) -> None:
        search.script.stop = True

    return stop


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_all_that_is_under_way_is_left_with_the_time_that_was_spent(
    search: Search, signum: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[float] = []
    monkeypatch.setattr(OptunaEngine, "spend", lambda engine, seconds: spent.append(seconds))
    search.script.signum = signum
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(Stopped):
        search.run()
    search.assert_left()
    assert len(spent) == 1
    assert spent[0] > 0


def test_ctrl_c_ends_all_that_is_under_way(search: Search) -> None:
    search.script.signum = signal.SIGINT
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(Stopped):
        search.run()
    assert search.watching.left == []
    assert search.states() == ["failed", "failed"]
    assert not search.folder.exists()


def test_on_a_cluster_nothing_is_left(search: Search) -> None:
    """One that was started on this machine, too: it ends with its coordinator."""
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(Stopped):
        search.run(outlives=False)
    assert search.watching.left == []
    assert search.states() == ["failed", "failed"]
    assert not search.folder.exists()


def test_a_cluster_adopts_nothing_that_was_left(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(Stopped):
        search.run()
    search.assert_left()
    monkeypatch.setattr(study, "adopt", lambda *args: pytest.fail("it adopts"))
    search.script.stop = False
    search.run(outlives=False)
    assert search.states().count("complete") == 4
    assert findings(search.root, "s") == []


def test_the_first_process_of_a_container_leaves_nothing(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session.os, "getpid", lambda: 1)
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(Stopped):
        search.run()
    assert search.states() == ["failed", "failed"]
    assert not search.folder.exists()


def test_a_stop_while_a_store_is_away_leaves_the_trial_that_was_to_be_recorded_too(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(log: TrialLog, record: EpochRecord) -> None:
        search.script.stop = True
        raise Stopped(signal.SIGTERM)  # as tracking.patience does

    monkeypatch.setattr(TrialLog, "epoch", waits)
    with pytest.raises(Stopped):
        search.run()
    search.assert_left()


def test_ctrl_c_while_a_store_is_away_takes_nothing_back_that_was_recorded(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(engine: OptunaEngine, *args: object, **kwargs: object) -> None:
        search.script.stop = True
        raise Stopped(signal.SIGINT)

    tell = OptunaEngine.tell
    monkeypatch.setattr(OptunaEngine, "tell", waits)
    with pytest.raises(Stopped):
        search.run()
    monkeypatch.setattr(OptunaEngine, "tell", tell)
    assert search.states() == ["complete", "complete"]
    search.script.stop = False
    search.run()
    assert search.states() == ["complete"] * 4
    assert findings(search.root, "s") == []


def test_a_display_that_is_gone_is_no_reason_to_end_a_trial(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_gone(watching: Watching, asked: Asked, seconds: float) -> None:
        watching.left.extend([0, 1])
        raise SystemExit(1)  # as Rich does when nobody reads

    monkeypatch.setattr(Watching, "trial_waits", is_gone)
    search.script.ends = [lambda tick: None, stops(search)]
    with pytest.raises(SystemExit):
        search.run()
    search.assert_left()


def test_a_bug_that_shows_at_a_stop_ends_all_and_is_told(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(watching: Watching, asked: Asked, outcome: Outcome) -> None:
        search.script.stop = True

    def cannot_be_trained(tick: Callable[[], None]) -> None:
        raise TrialFailed("the loss is not finite")

    def has_a_bug(tick: Callable[[], None]) -> None:
        raise RuntimeError("a trial process failed")

    monkeypatch.setattr(Watching, "trial_ends", ends)
    search.script.ends = [cannot_be_trained, has_a_bug]
    with pytest.raises(RuntimeError, match="a trial process failed"):
        search.run()
    assert search.states() == ["failed", "failed"]
    assert not search.folder.exists()
