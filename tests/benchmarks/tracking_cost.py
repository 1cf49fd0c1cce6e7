"""What recording costs: seconds a trial, seconds an epoch, and reading a large study back.

python tests/benchmarks/tracking_cost.py [--trials 30] [--read 2000]

The share of a trial is that of one with three LSTM epochs, whose length --epoch-seconds gives
(tests/benchmarks/families.py measures it).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.builders import build_plan, build_trial, place_database, write_trial
from tracking import store
from tracking.writing.study_writer import StudyStore

_ACCURACIES = [0.7 + epoch / 100 for epoch in range(10)]
_PARAMS = {f"lstm.number_{number}": number / 7 for number in range(14)}
_MODEL = b"\0" * 4_000_000  # about the size of an LSTM with a vocabulary of 20,000


def _write(study: StudyStore, number: int, n_epochs: int, model: bytes | None) -> float:
    trial = build_trial(number, *_ACCURACIES[:n_epochs], params=_PARAMS)
    before = time.perf_counter()
    write_trial(study, trial, model)
    study.take_stock(3)
    return time.perf_counter() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, help="trials of each length")
    parser.add_argument("--read", type=int, default=2_000, help="trials of the study that is read")
    parser.add_argument("--epoch-seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = place_database(Path(folder))
        study = store.open_study(root, build_plan(max_epochs=10), fresh=False)
        study.begin()
        _write(study, 0, 1, _MODEL)  # the first loads what the others use
        short, long = [], []
        for number in range(1, 2 * arguments.trials, 2):
            short.append(_write(study, number, 1, _MODEL))
            long.append(_write(study, number + 1, 10, _MODEL))
        epoch = (median(long) - median(short)) / 9
        fixed = median(short) - epoch
        trial = fixed + 3 * epoch
        share = trial / (trial + 3 * arguments.epoch_seconds)
        print(f"beyond its epochs: {fixed:.3f} s a trial; an epoch: {epoch:.4f} s", flush=True)
        print(f"of three epochs of {arguments.epoch_seconds:g} s: {100 * share:.2f} %", flush=True)
        for number in range(2 * arguments.trials, arguments.read):
            write_trial(study, build_trial(number, *_ACCURACIES, params=_PARAMS))
        before = time.perf_counter()
        n_trials = len(store.read_study(root, "lstm").trials)
        print(f"reading {n_trials} trials: {time.perf_counter() - before:.1f} s")


if __name__ == "__main__":
    main()
