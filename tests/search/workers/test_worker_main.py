"""What a trial's process is set up with."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

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
