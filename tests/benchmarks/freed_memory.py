"""Processor seconds of an epoch with and without the memory of a step being kept for the next one.

    python tests/benchmarks/freed_memory.py [--family lstm] [--texts 3200] [--rounds 3]

One epoch of a family at its defaults on movie reviews, on one core, each time in a new process;
the two take turns. With: as in a trial's process (search/workers/worker_main.py). The page faults
say where the seconds go.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from search.datasets.cache import load
from search.workers.worker_main import keep_freed_memory
from spaces.families import FAMILIES, space_of
from spaces.ranges import defaults

_N_TOKENS, _MAXLEN = 20_000, 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="lstm", choices=FAMILIES)
    parser.add_argument("--texts", type=int, default=3_200)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    load("imdb", print)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(asked.rounds):
        for keeping, measured in seconds.items():
            took, faults, n_bytes = _in_a_new_process(asked.family, asked.texts, keeping)
            measured.append(took)
            print(
                f"kept: {keeping!s:5} {took:6.1f} processor seconds, {faults:>9,} page faults, "
                f"at most {n_bytes / 2**30:.2f} GB",
                flush=True,
            )
    ratio = statistics.median(seconds[True]) / statistics.median(seconds[False])
    print(f"{asked.family}: {ratio:.2f} of the processor seconds")


def _in_a_new_process(family: str, n_texts: int, keeping: bool) -> tuple[float, int, int]:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_epoch, args=(theirs, family, n_texts, keeping))
    process.start()
    measured: tuple[float, int, int] = ours.recv()
    process.join()
    return measured


def _epoch(pipe: Connection, family: str, n_texts: int, keeping: bool) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    if keeping:
        keep_freed_memory()
    import numpy as np

    from search.system.keras_backend import tf  # first: it silences TensorFlow's start
    from search.training.fit import train
    from search.training.trial import build, encoded, fit_values

    tf.config.threading.set_intra_op_parallelism_threads(1)
    params = {
        **defaults(space_of(family)),
        "text.vocab_size": _N_TOKENS,
        "text.maxlen": _MAXLEN,
        "train.epochs": 1,
    }
    text = {"vocab_size": _N_TOKENS, "maxlen": _MAXLEN, "truncating": "pre", "padding": "bucket"}
    training = encoded(load("imdb", lambda line: None), "train", **text).select(np.arange(n_texts))
    model = build(params, family, 2, training)
    before = resource.getrusage(resource.RUSAGE_SELF)
    train(model, training, None, seed=0, on_epoch=lambda epoch: None, **fit_values(params))
    after = resource.getrusage(resource.RUSAGE_SELF)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    pipe.send((took, after.ru_minflt - before.ru_minflt, after.ru_maxrss * 1024))


if __name__ == "__main__":
    main()
