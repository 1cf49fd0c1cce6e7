"""Train the table of the search race: data/architecture-table.csv, a row for each configuration.

    nice -n 10 python tests/benchmarks/record_table.py [--rows 208]

On 3,000 training and 2,000 validation reviews, drawn once and for all from the two parts of the
official archive, which share no movie. One configuration after the other, on one core: the
defaults of each family, then random draws, of the slow families about ten. Each is trained for 8
epochs or until two have brought nothing, as every trial of ours. It goes on after the last row
that is there. Seconds are processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from search.datasets.cache import Dataset, load
from search.engines.base import derive
from search.system.keras_backend import keras, tf  # first: it silences TensorFlow's start
from search.training.failures import TrialFailed
from search.training.trial import evaluate
from spaces.plan import StudyPlan
from spaces.ranges import Params
from tests.benchmarks.table import (
    FILE,
    FIRST_RUNG,
    MAX_EPOCHS,
    Row,
    append,
    configurations,
    plan,
    read,
    subset,
)
from tracking.records import EpochRecord, RungRecord

SEED = 8
N_TEXTS = {"train": 3_000, "validation": 2_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=208, help="end with this many rows (208)")
    arguments = parser.parse_args()
    done = len(read()) if FILE.exists() else 0
    tf.get_logger().setLevel("ERROR")  # each configuration is traced anew, as it should be
    with tempfile.TemporaryDirectory() as folder:
        data = subset(load("imdb", print), Path(folder), N_TEXTS, SEED)
        _train(plan(), -1, *next(configurations(SEED)), data)  # whatever is slow only once
        numbered = enumerate(configurations(SEED))
        for number, (proposed_by, params) in itertools.islice(numbered, done, arguments.rows):
            row = _train(plan(), number, proposed_by, params, data)
            append(row)
            print(
                f"{number}: {row.family}, best {max(row.accuracies, default=0):.4f} of "
                f"{len(row.accuracies)} epochs, {sum(row.seconds) + row.rest:.1f} s",
                flush=True,
            )


def _train(cheap: StudyPlan, number: int, proposed_by: str, params: Params, data: Dataset) -> Row:
    """Train a configuration; one that cannot be trained has no accuracies."""
    epochs: list[EpochRecord] = []
    marks = [time.process_time()]
    rungs: list[tuple[float, float]] = []

    def on_epoch(epoch: EpochRecord) -> None:
        epochs.append(epoch)
        marks.append(time.process_time())

    def on_rung(rung: RungRecord) -> None:
        rungs.append((rung.val_accuracy, time.process_time() - marks[0]))

    try:
        longest = {**params, "train.epochs": MAX_EPOCHS}
        values = (longest, cheap.family(params), data, derive(SEED, number, "train"))
        evaluate(*values, on_epoch, on_rung=on_rung, first_rung=FIRST_RUNG)
    except TrialFailed as failure:
        print(f"{number}: {failure}", flush=True)
    marks.append(time.process_time())
    keras.utils.clear_session(free_memory=True)
    gc.collect()
    *seconds, rest = np.diff(marks)
    accuracies = tuple(epoch.val_accuracy or 0.0 for epoch in epochs)
    drawn = {name: params[name] for name in cheap.searched_for(params) if name != "train.epochs"}
    rung = rungs[0] if rungs else (0.0, 0.0)
    times = tuple(seconds)
    return Row(number, proposed_by, cheap.family(params), drawn, accuracies, times, rest, *rung)


if __name__ == "__main__":
    main()
