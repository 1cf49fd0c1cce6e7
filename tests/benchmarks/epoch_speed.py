"""Seconds of an epoch as the tutorials write it, and as we do: one ratio, measured in one run.

    python tests/benchmarks/epoch_speed.py [--seeds 3]

LSTM(100), vocabulary 5,000, maxlen 500, batch 64, on the training part of the official reviews,
three epochs each. As the tutorials: every review padded in front to 500, one array, plain `fit`.
Ours: bucketed by length, padded to the longest of the batch, masked. Compiling the graph is not
counted on either side. The machine's speed drifts, so the two take turns, epoch by epoch. Several
seeds also tell whether the two ways learn equally well: one seed alone moves accuracy by points.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from search.datasets.batches import Labelled, pack
from search.datasets.cache import load
from search.models import BUILDERS
from search.system.keras_backend import keras  # first: it silences TensorFlow's start
from search.training.fit import mixed_batches, sorted_batches
from search.training.trial import encoded
from spaces.ranges import take
from spaces.tutorials import LSTM

GOAL = 0.50
_BATCH = 64
_TEXT = {"vocab_size": 5_000, "maxlen": 500, "truncating": "pre"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, help="use this many training reviews only")
    parser.add_argument("--seeds", type=int, default=1, help="run the race this often (1)")
    arguments = parser.parse_args()
    data = load("imdb", print)
    parts = {
        padding: [
            _first(encoded(data, part, padding=padding, **_TEXT), arguments.texts)
            for part in ("train", "validation")
        ]
        for padding in ("full", "bucket")
    }
    ratios: list[float] = []
    differences: list[float] = []
    for seed in range(arguments.seeds):
        tutorial, ours = _tutorial(*parts["full"], seed), _ours(*parts["bucket"], seed)
        for number in range(1, 4):
            (theirs, their_accuracy), (mine, my_accuracy) = tutorial(), ours()
            ratios.append(mine / theirs)
            print(
                f"seed {seed}, epoch {number}: tutorial {theirs:.1f} s, ours {mine:.1f} s, "
                f"ratio {ratios[-1]:.3f}; "
                f"validation accuracy {their_accuracy:.4f} and {my_accuracy:.4f}",
                flush=True,
            )
        differences.append(my_accuracy - their_accuracy)
    print(f"median ratio {statistics.median(ratios):.3f} (goal: at most {GOAL:.2f})")
    if arguments.seeds > 1:
        print(
            f"accuracy after epoch 3, ours minus the tutorials': "
            f"{100 * statistics.mean(differences):+.2f} points, "
            f"standard deviation over {arguments.seeds} seeds "
            f"{100 * statistics.stdev(differences):.2f}"
        )


Epoch = Callable[[], tuple[float, float]]  # trains one; gives seconds and accuracy


def _tutorial(training: Labelled, validation: Labelled, seed: int) -> Epoch:
    def array(data: Labelled) -> tuple[np.ndarray, np.ndarray]:
        rows = [data.rows[row] for row in range(len(data.rows))]
        return keras.utils.pad_sequences(rows, maxlen=_TEXT["maxlen"]), data.labels

    (x, y), held_out = array(training), array(validation)
    model = _compiled(seed, masked=False)
    model.fit(x[:_BATCH], y[:_BATCH], batch_size=_BATCH, verbose=0)

    def epoch() -> tuple[float, float]:
        start = time.perf_counter()
        model.fit(x, y, batch_size=_BATCH, verbose=0)
        return time.perf_counter() - start, model.evaluate(*held_out, verbose=0)[1]

    return epoch


def _ours(training: Labelled, validation: Labelled, seed: int) -> Epoch:
    batches, held_out = mixed_batches(training, _BATCH, seed), sorted_batches(validation)
    model = _compiled(seed, masked=True)
    model.fit(batches.take(2), verbose=0, shuffle=False)

    def epoch() -> tuple[float, float]:
        start = time.perf_counter()
        model.fit(batches, verbose=0, shuffle=False)
        return time.perf_counter() - start, model.evaluate(held_out, verbose=0)[1]

    return epoch


def _compiled(seed: int, *, masked: bool) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = BUILDERS["lstm"](5_000, 500, 2, masked, **take(LSTM[0].params, "lstm"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def _first(data: Labelled, n: int | None) -> Labelled:
    chosen = np.random.default_rng(0).permutation(len(data.rows))[:n]
    return Labelled(pack([data.rows[row] for row in chosen]), data.labels[chosen], data.pad_to)


if __name__ == "__main__":
    main()
