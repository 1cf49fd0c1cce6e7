"""Trials on a Ray cluster, the real one: what it gives is what a process here gives.

One cluster on this machine serves all tests of this file. What happens when a node is lost is in
test_cluster_nodes.py.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from search.datasets.cache import Dataset
from search.training.failures import Died, TrialFailed
from search.workers.executor import Executor, ExecutorConfig
from search.workers.process_pool import run_all, score_simple_baseline
from search.workers.ray_cluster import nodes
from search.workers.ray_cluster.cluster_options import ClusterPlan
from search.workers.ray_cluster.connect import connect
from search.workers.ray_cluster.ray_worker import Answer
from search.workers.tasks import SimpleBaselineTask, Task
from search.workers.trial_process import Event, server
from spaces.ranges import Value
from spaces.studies import STUDIES
from tests.builders import place_database
from tests.learned import any_vectors, with_array
from tests.programs import Running, call, snapshot
from tests.servers import free_port
from tracking.commandline.errors import UserError
from tracking.records import EpochRecord, ScoreRecord

PARAMS = STUDIES["feedforward"].complete(
    {"text.vocab_size": 500, "text.maxlen": 20, "train.epochs": 2, "train.patience": 2}
)
LOCAL = ClusterPlan("local", n_workers=2, n_cpus=1, n_gpus=0, time_limit=None)


def nothing(*given: object) -> None:
    """A tick that has nothing to do, and a listener that does not care."""


@pytest.fixture(scope="module")
def cluster(tiny_dataset: Dataset) -> Iterator[ExecutorConfig]:
    with connect(LOCAL, tiny_dataset, nothing) as place:
        yield place


def make(folder: Path, data: Dataset, family: str = "feedforward", **changes: Value) -> Task:
    folder.mkdir()
    params = {**PARAMS, **{f"train.{name}": value for name, value in changes.items()}}
    return Task(params, family, data, seed=1, folder=folder, n_threads=1)


def next_event(pool: Executor) -> Event:
    deadline = time.monotonic() + 120
    while not (events := pool.events()):
        assert time.monotonic() < deadline
    ((_, event),) = events
    return event


def run(place: ExecutorConfig, *tasks: Task) -> Mapping[Path, list[Event]]:
    """Evaluate tasks side by side as the coordinator does."""
    found: dict[Path, list[Event]] = {task.folder: [] for task in tasks}
    waiting = list(tasks)
    with place.open_pool(nothing) as pool:
        while waiting or any(not ended(events) for events in found.values()):
            while waiting and pool.n_free:
                pool.start(waiting.pop(0))
            for task, event in pool.events():
                found[task.folder].append(event)
                if isinstance(event, EpochRecord):
                    pool.go_on(task)
                else:
                    pool.stop(task)
    return found


def ended(events: list[Event]) -> bool:
    return bool(events) and not isinstance(events[-1], EpochRecord)


def descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def named(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it ended a moment ago, and waits for its parent
        return ""


def trials() -> list[psutil.Process]:
    """The processes of trials: children of the servers that have Keras loaded."""
    servers = [one for one in descendants() if "forkserver" in named(one)]
    return [one for one in servers if "forkserver" in named(one.parent() or one)]


def wait_for(n_trials: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 30
    while len(found := trials()) != n_trials:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_trial_gives_what_it_gives_here_to_the_last_bit_and_brings_its_files(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    one, other = (make(tmp_path / name, tiny_dataset) for name in ("one", "other"))
    there = run(cluster, one, other)
    here = make(tmp_path / "here", tiny_dataset)
    with server():
        events = [event for _, event in run_all([here], 1, nothing)]
    assert [type(event) for event in there[one.folder]] == [EpochRecord, EpochRecord, ScoreRecord]
    for task in (one, other):
        assert there[task.folder][-1] == events[-1]
        losses = [event.val_loss for event in there[task.folder][:2]]  # type: ignore[union-attr]
        assert losses == [event.val_loss for event in events[:2]]  # type: ignore[union-attr]
        assert (np.load(task.predictions) == np.load(here.predictions)).all()
        assert task.model.stat().st_size == here.model.stat().st_size
        assert task.summary.read_text("utf-8") == here.summary.read_text("utf-8")
        machine = json.loads(task.environment.read_text("utf-8"))
        assert (machine["n_threads"], machine["n_gpus"]) == (1, 0)
    assert not here.environment.exists()
    assert trials() == []


def test_a_pruned_trial_leaves_no_process_on_its_node_and_its_place_is_used_again(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    poor, task = (make(tmp_path / name, tiny_dataset) for name in ("poor", "task"))
    with cluster.open_pool(nothing) as pool:
        pool.start(poor)
        assert isinstance(next_event(pool), EpochRecord)
        assert "embedding" in poor.summary.read_text("utf-8")  # it is there before the end
        wait_for(1)
        pool.stop(poor)
        while pool.n_free < 2:
            assert pool.events() == []
        assert trials() == []
        assert not poor.model.exists()
    assert isinstance(run(cluster, task)[task.folder][-1], ScoreRecord)


def test_a_bug_a_failure_and_a_death_come_as_what_they_are(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    bug = make(tmp_path / "bug", tiny_dataset, family="perceptron")
    failure = make(tmp_path / "failure", tiny_dataset, learning_rate=float("inf"))
    found = run(cluster, bug, failure)
    (event,) = found[bug.folder]
    assert isinstance(event, RuntimeError)
    assert re.search(r"(?s)Traceback .*\nValueError: unknown family 'perceptron'", str(event))
    assert "loss became nan in epoch 1" in str(found[failure.folder][-1])
    assert type(found[failure.folder][-1]) is TrialFailed
    death = make(tmp_path / "death", tiny_dataset)
    with cluster.open_pool(nothing) as pool:
        pool.start(death)
        next_event(pool)
        (process,) = wait_for(1)
        assert process.nice() == psutil.Process().nice()
        pool.go_on(death)
        process.kill()
        event = next_event(pool)
    assert isinstance(event, Died)
    assert "was killed" in str(event)


def test_a_place_that_is_lost_ends_its_trial_as_died_and_another_takes_it(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    lost, other, again = (make(tmp_path / name, tiny_dataset) for name in ("l", "o", "a"))
    with cluster.open_pool(nothing) as pool:
        pool.start(lost)
        next_event(pool)
        (process,) = wait_for(1)
        evaluator = psutil.Process(process.ppid()).parent()
        assert evaluator is not None
        evaluator.kill()
        pool.go_on(lost)
        pool.start(other)
        events: list[Event] = []
        deadline = time.monotonic() + 120
        while len(events) < 2:
            assert time.monotonic() < deadline, events
            events += [event for _, event in pool.events()]
        (death,) = (event for event in events if isinstance(event, Died))
        assert "its place on the cluster was lost" in str(death)
        wait_for(1)  # that of the other trial, which goes on
        pool.stop(other)
    found = run(cluster, again, make(tmp_path / "b", tiny_dataset))
    assert [type(events[-1]) for events in found.values()] == [ScoreRecord, ScoreRecord]


@dataclass
class Answered:
    """Stands in for a slot whose evaluator has answered, or has failed."""

    asked: Any
    task: Task | None = None
    has_ended: bool = False
    is_idle: bool = False


def test_a_node_that_is_refused_takes_no_result_of_another_along(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    import ray  # not before the fixture has set what it reads

    from search.workers.ray_cluster.ray_pool import ClusterPool

    @ray.remote(num_cpus=0)
    def prepare() -> None:
        raise UserError("the coordinator has others")

    task = make(tmp_path / "task", tiny_dataset)
    died = Died("it was not done")
    asked = [ray.put(Answer(died, {}, is_end=True)), prepare.remote()]
    ray.wait(asked, num_returns=2)
    slots: Any = [Answered(asked[0], task), Answered(asked[1])]
    pool = ClusterPool(slots, lambda: slots[0], nothing, nothing)
    ((given, event),) = pool.events()
    assert (given, str(event)) == (task, str(died))
    with pytest.raises(UserError, match="the coordinator has others"):
        pool.events()


def test_a_simple_baseline_is_scored_there_too(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig
) -> None:
    task = SimpleBaselineTask("tfidf_logistic", tiny_dataset, tmp_path)
    assert score_simple_baseline(task, cluster.open_pool, nothing).val_accuracy > 0
    assert task.predictions.exists()


def test_nothing_of_a_local_cluster_listens_beyond_this_machine(cluster: ExecutorConfig) -> None:
    found = [
        connection.laddr.ip
        for process in [psutil.Process(), *descendants()]
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(found) > 3
    assert {address.removeprefix("::ffff:") for address in found} == {"127.0.0.1"}


def test_a_node_that_does_not_see_the_data_is_brought_them_once(
    tmp_path: Path, tiny_dataset: Dataset, cluster: ExecutorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = with_array(tiny_dataset, "text.vectors=counted", any_vectors(tiny_dataset))
    (array,) = data.arrays.values()
    sent = nodes.prepared(data, is_shared=False)
    assert sent.place() == tiny_dataset.folder
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "node"))
    sent = replace(sent, folder=tmp_path / "elsewhere" / tiny_dataset.folder.name)
    placed = sent.place()
    assert placed == tmp_path / "node" / "prepared" / tiny_dataset.folder.name
    for file in tiny_dataset.folder.iterdir():
        if file.is_file():
            assert (placed / file.name).read_bytes() == file.read_bytes()
    np.testing.assert_array_equal(
        replace(data, folder=placed).array("text.vectors=counted"), any_vectors(tiny_dataset)
    )
    before = placed.stat()
    assert sent.place() == placed
    assert placed.stat().st_ino == before.st_ino
    (placed / "arrays" / array.file).unlink()  # a study before had no vectors
    assert (sent.place() / "arrays" / array.file).is_file()
    assert placed.stat().st_ino == before.st_ino
    (placed / "manifest.json").write_text("of other data")
    assert (sent.place() / "manifest.json").read_bytes() == sent.manifest


def test_a_node_with_other_packages_is_told_by_name() -> None:
    assert nodes.differences(nodes.versions()) == ""
    ours = nodes.versions()["keras"]
    assert nodes.differences({**nodes.versions(), "keras": "3.0"}) == (
        f"keras 3.0 where we have {ours}"
    )


def test_without_ray_the_extra_is_named(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(UserError, match=r"needs Ray: pip install 'seqsearch\[ray\]'"),
        connect(replace(LOCAL, address="127.0.0.1:6379"), tiny_dataset, nothing),
    ):
        pass


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (
            ("--cluster", "127.0.0.1:{port}"),
            r"no Ray cluster answers at 127\.0\.0\.1:\d+: Connection refused",
        ),
        (
            ("--cluster", "local", "--cpus-per-trial", "999"),
            r"cluster local has room for 0 trials of 999 CPU side by side, but 1 must fit\. "
            r"Its nodes have \d+ CPU and 0 GPU",
        ),
    ],
)
def test_a_cluster_that_cannot_work_is_refused_in_one_line_before_anything_is_written(
    tmp_path: Path, tiny_csv: Path, words: tuple[str, ...], refusal: str
) -> None:
    typed = [word.format(port=free_port()) for word in words]
    end = call(tmp_path, "search.run", "--study", "lstm", "--data", str(tiny_csv), *typed)
    assert end.returncode == 2
    assert re.fullmatch(rf"error: {refusal}\.\n", end.stderr), end.stderr
    assert not (tmp_path / "mlruns").exists()


def test_a_study_on_a_cluster_has_the_numbers_of_one_with_workers_and_ends_when_told_to(
    tmp_path: Path, tiny_csv: Path
) -> None:
    words = ["--study", "feedforward", "--data", str(tiny_csv), "--smoke", "--workers", "2"]
    words += ["--sampler", "random"]
    stores = []
    for name, more in (("here", ()), ("there", ("--cluster", "local"))):
        place_database(tmp_path / name / "mlruns")
        end = call(tmp_path / name, "search.run", *words, *more, "--json")
        assert end.returncode == 0, end.stderr
        assert json.loads(end.stdout)["complete"] == 2
        assert "ray" not in end.stderr.lower()
        stores.append(snapshot(tmp_path / name, "feedforward-tiny-smoke"))
        stores[-1].assert_whole()
    for number in range(2):
        here, there = (store.trials[number].data for store in stores)
        assert here.params == there.params
        for metric in ("best_val_accuracy", "best_val_loss", "val_loss", "train_loss"):
            assert here.metrics.get(metric) == there.metrics.get(metric)

    def interrupt(running: Running) -> None:
        running.interrupt()  # all of them receive it

    def terminate(running: Running) -> None:
        running.process.terminate()  # the coordinator alone does
        running.end()

    for n_trials, code, tell in ((9, 130, interrupt), (99, 143, terminate)):
        before = snapshot(tmp_path / "there", "feedforward-tiny-smoke")
        more = ("--trials", str(n_trials), "--cluster", "local")
        stopped = Running(tmp_path / "there", *words, *more)
        stopped.wait_for(f"trial {len(before.trials)} (")
        mine = psutil.Process(stopped.process.pid).children(recursive=True)
        began = time.monotonic()
        tell(stopped)
        assert time.monotonic() - began < 15
        assert stopped.process.returncode == code
        assert stopped.stderr == f"stopped by {signal.Signals(code - 128).name}.\n"
        _, left = psutil.wait_procs(mine, timeout=10)
        assert left == []
        snapshot(tmp_path / "there", "feedforward-tiny-smoke").assert_whole()


def test_the_handler_of_sigterm_is_ours(cluster: ExecutorConfig) -> None:
    assert "ray" not in getattr(signal.getsignal(signal.SIGTERM), "__module__", "")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
