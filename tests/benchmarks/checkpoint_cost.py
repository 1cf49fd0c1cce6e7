"""Seconds of one checkpoint over those of an epoch on the 25,000 labelled training reviews.

    python tests/benchmarks/checkpoint_cost.py [--times 9] [--folder FOLDER]

There is one checkpoint an epoch at most, and one in ten seconds. It is smaller where the last
epoch is the best, as most of the first ones are. Seconds of an epoch are those of one core in
docs/explanation/benchmarks.md; --epoch-seconds sets others, in the order of the lines.
Where other programs use the machine, processor seconds tell more than those of the clock.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from search.models import builder
from search.system.keras_backend import keras  # first: it silences TensorFlow's start
from search.training import checkpoint
from search.training.checkpoint import Checkpoint
from spaces.families import space_of
from spaces.ranges import Params, defaults, take
from spaces.tutorials import LSTM
from tracking.records import EpochRecord

GOAL = 0.02  # of an epoch of LSTM(100)
_LSTM_100: Params = {**defaults(space_of("lstm")), **LSTM[0].params}
_MODELS = (
    ("LSTM(100)", "lstm", _LSTM_100),
    ("lstm", "lstm", defaults(space_of("lstm"))),
    ("ngram", "ngram", defaults(space_of("ngram"))),
)
_EPOCH = EpochRecord(1, 0.5, 0.8, 0.4, 0.85, 0.001, 47.8, 1_000.0, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=9, help="checkpoints of each model (9)")
    parser.add_argument("--folder", help="where they are written (the temporary folder)")
    parser.add_argument("--epoch-seconds", type=float, nargs=3, default=(47.8, 47.8, 27.8))
    arguments = parser.parse_args()
    checkpoint.SECONDS_BETWEEN = 0.0
    print("model         numbers  best is     MB      s  of an epoch  CPU s  of it")
    for (name, family, params), epoch in zip(_MODELS, arguments.epoch_seconds, strict=True):
        text = take(params, "text")
        model = builder(family)(
            text["vocab_size"], text["maxlen"], 2, True, **take(params, family)
        )
        model.compile("adam", "binary_crossentropy", jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        for best in ("earlier", "last"):
            with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
                file = Path(folder) / "checkpoint.npz"
                spent, busy = _measure(model, file, arguments.times, best == "last")
                size = file.stat().st_size / 1e6
            print(
                f"{name:10} {model.count_params():10,} {best:>8} {size:6.1f} {spent:6.3f} "
                f"{spent / epoch:12.2%} {busy:6.3f} {busy / epoch:6.2%}",
                flush=True,
            )
    print(f"goal: at most {GOAL:.0%} of an epoch of LSTM(100)")


def _measure(
    model: keras.Model, file: Path, times: int, last_is_best: bool
) -> tuple[float, float]:
    """Return the median seconds of a checkpoint after 5 epochs, and of processor time."""
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    stopping.on_train_begin()
    stopping.best_weights = model.get_weights()
    stopping.best_epoch = 4 if last_is_best else 3
    saved = Checkpoint(file, "a benchmark")
    spent, busy = [], []
    for _ in range(times):
        began, processor = time.perf_counter(), time.process_time()
        saved.save(model, stopping, [_EPOCH] * 5)
        spent.append(time.perf_counter() - began)
        busy.append(time.process_time() - processor)
    return statistics.median(spent), statistics.median(busy)


if __name__ == "__main__":
    main()
