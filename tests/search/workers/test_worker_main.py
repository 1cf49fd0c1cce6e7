"""What a trial's process is set up with."""

from __future__ import annotations

import multiprocessing
import platform
import resource
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from search.datasets.cache import Dataset
from search.workers import worker_main
from search.workers.tasks import Task


def report_threads(pipe: Connection, task: Task) -> None:
    """Run a task whose values cannot be trained, then send how many threads its process has."""
    worker_main.run(pipe, task)
    from search.system.keras_backend import tf

    pipe.send(tf.config.threading.get_intra_op_parallelism_threads())


@pytest.mark.parametrize(
    ("family", "n_threads", "expected"),
    [("lstm", None, 1), ("bilstm", 2, 1), ("cnn", 2, 2), ("cnn", None, 0)],
)
def test_an_operation_of_a_family_with_an_lstm_has_one_thread(
    family: str, n_threads: int | None, expected: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    task = Task({}, family, tiny_dataset, 1, tmp_path, n_threads=n_threads)
    process = processes.Process(target=report_threads, args=(theirs, task))
    process.start()
    assert "KeyError" in str(ours.recv())  # it has no values
    assert ours.recv() == expected
    process.join()


def count_cleared_pages(pipe: Connection, *, keeping: bool) -> None:
    """Make and drop arrays as training steps do, in a thread, and send the page faults."""
    if keeping:
        worker_main.keep_freed_memory()

    def step() -> None:
        for _ in range(50):
            held = [np.ones(2**20) for _ in range(4)]  # 8 MB each
            del held

    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_memory_that_a_step_freed_is_there_for_the_next_one() -> None:
    processes = multiprocessing.get_context("spawn")
    faults = {}
    for keeping in (False, True):
        ours, theirs = processes.Pipe()
        process = processes.Process(
            target=count_cleared_pages, args=(theirs,), kwargs={"keeping": keeping}
        )
        process.start()
        faults[keeping] = ours.recv()
        process.join()
    assert faults[True] < faults[False] / 4
