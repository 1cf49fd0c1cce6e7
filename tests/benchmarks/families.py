"""Seconds of an epoch of each family, on all 25,000 labelled training reviews, in one run.

    python tests/benchmarks/families.py [--texts N]

Each family at its defaults, in batches of like length. Compiling the graph and, of the n-gram
families, counting the n-grams is not in it: both happen once a trial. The machine's speed drifts,
so what lasts is the ratio to the LSTM of the same run.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from search.datasets.batches import Labelled
from search.datasets.cache import load
from search.datasets.tokenizer import preparation
from search.system.keras_backend import keras  # first: it silences TensorFlow's start
from search.training.fit import mixed_batches
from search.training.reproduce import divide
from search.training.trial import build
from spaces.families import FAMILIES, space_of
from spaces.ranges import defaults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, help="use this many reviews only")
    arguments = parser.parse_args()
    data = load("imdb", print)
    print(f"{'family':12} {'parameters':>11} {'s/epoch':>8} {'of lstm':>8}")
    lstm = None
    for family in ("lstm", *(name for name in FAMILIES if name != "lstm")):
        params = defaults(space_of(family))
        training, _ = divide(data, "official", **preparation(params))
        if arguments.texts:
            training = _first(training, arguments.texts)
        n_parameters, seconds = _epoch(family, params, training, len(data.classes))
        lstm = lstm or seconds
        ratio = seconds / lstm
        print(f"{family:12} {n_parameters:11,} {seconds:8.1f} {ratio:8.2f}", flush=True)


def _epoch(
    family: str, params: dict[str, bool | int | float | str], training: Labelled, n_classes: int
) -> tuple[int, float]:
    keras.utils.set_random_seed(0)
    model = build(params, family, n_classes, training)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    batches = mixed_batches(training, int(params["train.batch_size"]), 0)
    model.fit(batches.take(2), verbose=0, shuffle=False)
    start = time.perf_counter()
    model.fit(batches, verbose=0, shuffle=False)
    seconds = time.perf_counter() - start
    return sum(math.prod(weights.shape) for weights in model.trainable_weights), seconds


def _first(training: Labelled, n: int) -> Labelled:
    return training.select(np.random.default_rng(0).permutation(len(training.labels))[:n])


if __name__ == "__main__":
    main()
