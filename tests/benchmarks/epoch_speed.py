"""Seconds of an epoch as the tutorials write it, and as we do: one ratio, measured in one run.

    python tests/benchmarks/epoch_speed.py              one epoch each, three times in turn
    python tests/benchmarks/epoch_speed.py --accuracy   three epochs each, with both accuracies

LSTM(100), vocabulary 5,000, maxlen 500, batch 64, on the training part of the official reviews.
As the tutorials: every review padded in front to 500, one array, plain `fit`. Ours: bucketed by
length, padded to the longest of the batch, masked. Compiling the graph is not counted on either
side. The machine's speed drifts, so the two take turns and each pair gives one ratio.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from search.backend import keras  # first: it silences TensorFlow's start
from search import train
from search.batches import Labelled
from search.datasets.cache import load
from search.evaluate import encoded
from search.models import BUILDERS
from spaces.ranges import take
from spaces.references import LSTM

GOAL = 0.50
_TEXT = {"vocab_size": 5_000, "maxlen": 500, "truncating": "pre"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accuracy", action="store_true", help="train three epochs each")
    parser.add_argument("--texts", type=int, help="use this many training reviews only")
    arguments = parser.parse_args()
    data = load("imdb", print)
    parts = {
        padding: [
            _first(encoded(data, part, padding=padding, **_TEXT), arguments.texts)
            for part in ("train", "validation")
        ]
        for padding in ("full", "bucket")
    }
    tutorial, ours = _tutorial(*parts["full"]), _ours(*parts["bucket"])
    if arguments.accuracy:
        for name, epochs in (("tutorial", tutorial), ("ours", ours)):
            for _ in range(3):
                seconds, accuracy = epochs()
                print(f"{name}: {seconds:.1f} s, validation {accuracy():.4f}", flush=True)
        return
    ratios = []
    for _ in range(3):
        (theirs, _), (mine, _) = tutorial(), ours()
        ratios.append(mine / theirs)
        print(f"tutorial {theirs:.1f} s, ours {mine:.1f} s, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.3f} (goal: at most {GOAL:.2f})")


Epoch = Callable[[], tuple[float, Callable[[], float]]]


def _tutorial(training: Labelled, validation: Labelled) -> Epoch:
    def array(rows: Labelled) -> tuple[np.ndarray, np.ndarray]:
        return rows._pad(np.arange(len(rows.rows))), rows.labels

    x, y = array(training)
    model = _compiled(masked=False)
    model.fit(x[:64], y[:64], batch_size=64, verbose=0)

    def epoch() -> tuple[float, Callable[[], float]]:
        start = time.perf_counter()
        model.fit(x, y, batch_size=64, verbose=0)
        seconds = time.perf_counter() - start
        return seconds, lambda: model.evaluate(*array(validation), verbose=0)[1]

    return epoch


def _ours(training: Labelled, validation: Labelled) -> Epoch:
    model = _compiled(masked=True)
    numbers = itertools.count()
    n_batches = -(-len(training.rows) // 64)
    batches = train._dataset(lambda: training.epoch(64, (0, next(numbers))), n_batches)
    model.fit(batches.take(2), verbose=0, shuffle=False)

    def epoch() -> tuple[float, Callable[[], float]]:
        start = time.perf_counter()
        model.fit(batches, verbose=0, shuffle=False)
        seconds = time.perf_counter() - start
        return seconds, lambda: model.evaluate(train._by_length(validation), verbose=0)[1]

    return epoch


def _compiled(*, masked: bool) -> keras.Model:
    keras.utils.set_random_seed(7)
    model = BUILDERS["lstm"](5_000, 2, masked, **take(LSTM[0].params, "lstm"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def _first(rows: Labelled, n: int | None) -> Labelled:
    if n is None:
        return rows
    from search.batches import pack

    chosen = np.random.default_rng(0).permutation(len(rows.rows))[:n]
    return Labelled(pack([rows.rows[i] for i in chosen]), rows.labels[chosen], rows.pad_to)


if __name__ == "__main__":
    main()
