"""Seconds of an epoch as the tutorials write it, and as we do: one ratio, measured in one run.

    python tests/benchmarks/epoch_speed.py [--seeds 3]

LSTM(100), vocabulary 5,000, maxlen 500, batch 64, on the training part of the official reviews,
three epochs each. As the tutorials: every review padded in front to 500, one array, plain `fit`,
Keras' own LSTM and Adam. Ours: bucketed by length, padded to the longest of the batch, masked;
LSTM and Adam in one operation each. Compiling the graph is not counted on either side. The
machine's speed drifts, so the two take turns, epoch by epoch, on one core. Several seeds also tell
whether the two ways learn equally well: one seed alone moves accuracy by points.

First, steps of a BiLSTM(64) over words of 128 numbers, 64 reviews of 220 words: with Keras' loop
and Adam, and with the operations; the arithmetic of each beside that of a plain matrix product.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from search.datasets.batches import Labelled, pack
from search.datasets.cache import load
from search.models import builder
from search.models.fused import loops_only
from search.system.keras_backend import keras, tf  # first: it silences TensorFlow's start
from search.training.fit import mixed_batches, sorted_batches
from search.training.optimizer import Adam
from search.training.trial import encoded
from spaces.families import FAMILIES
from spaces.ranges import defaults, take
from spaces.tutorials import LSTM

GOAL = 0.20
_BATCH = 64
_TEXT = {"vocab_size": 5_000, "maxlen": 500, "truncating": "pre"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, help="use this many training reviews only")
    parser.add_argument("--seeds", type=int, default=1, help="run the race this often (1)")
    arguments = parser.parse_args()
    # What a trial has where others run beside it. On two cores TensorFlow's threads decide the
    # ratio: two of them in an operation double the seconds of our epoch, and halve nobody's.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    _steps()
    data = load("imdb", print)
    parts = {
        padding: [
            _first(encoded(data, part, padding=padding, **_TEXT), arguments.texts)
            for part in ("train", "validation")
        ]
        for padding in ("full", "bucket")
    }
    ratios: list[NDArray[np.float64]] = []
    differences: list[float] = []
    for seed in range(arguments.seeds):
        tutorial, ours = _tutorial(*parts["full"], seed), _ours(*parts["bucket"], seed)
        for number in range(1, 4):
            (theirs, their_accuracy), (mine, my_accuracy) = tutorial(), ours()
            ratios.append(mine / theirs)
            print(
                f"seed {seed}, epoch {number}: tutorial {theirs[0]:.1f} s, ours {mine[0]:.1f} s, "
                f"ratio {ratios[-1][0]:.3f}; of processor seconds {ratios[-1][1]:.3f}; "
                f"validation accuracy {their_accuracy:.4f} and {my_accuracy:.4f}",
                flush=True,
            )
        differences.append(my_accuracy - their_accuracy)
    wall, processor = np.median(ratios, axis=0)
    print(
        f"median ratio {wall:.3f} (goal: at most {GOAL:.2f}); of processor seconds {processor:.3f}"
    )
    if arguments.seeds > 1:
        print(
            f"accuracy after epoch 3, ours minus the tutorials': "
            f"{100 * statistics.mean(differences):+.2f} points, "
            f"standard deviation over {arguments.seeds} seeds "
            f"{100 * statistics.stdev(differences):.2f}"
        )


Epoch = Callable[[], tuple[NDArray[np.float64], float]]  # trains one; gives seconds and accuracy


def _now() -> NDArray[np.float64]:
    """Return the time of the clock, and of the processor for a machine that others use too."""
    return np.array([time.perf_counter(), time.process_time()])


def _tutorial(training: Labelled, validation: Labelled, seed: int) -> Epoch:
    def array(data: Labelled) -> tuple[np.ndarray, np.ndarray]:
        rows = [data.rows[row] for row in range(len(data.rows))]
        return keras.utils.pad_sequences(rows, maxlen=_TEXT["maxlen"]), data.labels

    (x, y), held_out = array(training), array(validation)
    model = _compiled(seed, _plain)
    model.fit(x[:_BATCH], y[:_BATCH], batch_size=_BATCH, verbose=0)

    def epoch() -> tuple[float, float]:
        start = _now()
        model.fit(x, y, batch_size=_BATCH, verbose=0)
        return _now() - start, model.evaluate(*held_out, verbose=0)[1]

    return epoch


def _ours(training: Labelled, validation: Labelled, seed: int) -> Epoch:
    batches, held_out = mixed_batches(training, _BATCH, seed), sorted_batches(validation)
    model = _compiled(seed, _bucketed, Adam(1e-3))
    model.fit(batches.take(2), verbose=0, shuffle=False)

    def epoch() -> tuple[float, float]:
        start = _now()
        model.fit(batches, verbose=0, shuffle=False)
        return _now() - start, model.evaluate(held_out, verbose=0)[1]

    return epoch


def _compiled(
    seed: int, build: Callable[[], keras.Model], optimizer: str | Adam = "adam"
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = build()
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def _plain() -> keras.Model:
    params = take(LSTM[0].params, "lstm")
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(_TEXT["vocab_size"], params["embedding_dim"]),
            keras.layers.LSTM(params["units"]),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def _bucketed() -> keras.Model:
    return builder("lstm")(5_000, 500, 2, True, **take(LSTM[0].params, "lstm"))


def _bilstm() -> keras.Model:
    params = {**take(defaults(FAMILIES["bilstm"]), "bilstm"), "embedding_dim": 128, "units": 64}
    return builder("bilstm")(5_000, 500, 2, True, **params)


def _steps() -> None:
    """Print what a step of training takes of processor time, the median of ten."""
    chance = np.random.default_rng(0)
    ids = chance.integers(4, 5_000, (_BATCH, 220), dtype=np.int32)
    ids[0, -1] = 0  # so that there is padding
    labels = chance.integers(0, 2, _BATCH)
    with loops_only():
        loop = _compiled(0, _bilstm)
        loop.train_on_batch(ids, labels)  # traced inside
    fused = _compiled(0, _bilstm, Adam(1e-3))
    square = tf.random.normal((1_024, 1_024))
    product = tf.function(lambda: square @ square)
    seconds = _in_turns(
        lambda: loop.train_on_batch(ids, labels),
        lambda: fused.train_on_batch(ids, labels),
        product,
    )
    n_products = 3 * 2 * ids.size * 2 * (128 + 64) * 4 * 64  # forward and back, in both directions
    speeds = [
        n / s / 1e9 for n, s in zip((n_products, n_products, 2 * 1_024**3), seconds, strict=True)
    ]
    print(
        f"BiLSTM(64), a step: loop {seconds[0]:.3f} s, fused {seconds[1]:.3f} s, ratio "
        f"{seconds[1] / seconds[0]:.3f}; {speeds[0]:.0f} and "
        f"{speeds[1]:.0f} GFLOP/s, a matrix product {speeds[2]:.0f}",
        flush=True,
    )


def _in_turns(*calls: Callable[[], object]) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(10):
        for call, found in zip(calls, times, strict=True):
            start = time.process_time()
            call()
            found.append(time.process_time() - start)
    return [statistics.median(found) for found in times]


def _first(data: Labelled, n: int | None) -> Labelled:
    chosen = np.random.default_rng(0).permutation(len(data.rows))[:n]
    return Labelled(pack([data.rows[row] for row in chosen]), data.labels[chosen], data.pad_to)


if __name__ == "__main__":
    main()
