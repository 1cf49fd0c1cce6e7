"""What a cluster costs: the same trials by --workers 2 and by --cluster local --workers 2.

python tests/benchmarks/cluster_cost.py [--trials 40] [--texts 4000] [--rounds 1]

Both take turns on the same plan, seeds and random proposals, and nothing is pruned. "whole" are
the seconds of the command; "trials" those from the first trial's start to the last one's end,
without what comes before and after. Exit code 1 if a number differs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pandas as pd

from search.datasets.sources import locate
from tests.programs import Snapshot, call, snapshot

WAYS = {"workers": (), "cluster": ("--cluster", "local")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--texts", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--study", default="feedforward")
    chosen = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.2f}; seconds a trial, whole and trials:", flush=True)
    with tempfile.TemporaryDirectory(prefix="seqsearch-cost-") as folder:
        table = _reviews(Path(folder), chosen.texts)
        words = ["--study", chosen.study, "--data", str(table), "--max-epochs", "3"]
        words += ["--trials", str(chosen.trials), "--workers", "2"]
        words += ["--sampler", "random", "--pruner", "none"]
        whole: dict[str, list[float]] = {way: [] for way in WAYS}
        trials: dict[str, list[float]] = {way: [] for way in WAYS}
        equal = True
        for number in range(chosen.rounds):
            stores = []
            for way, more in WAYS.items():
                home = Path(folder) / f"{way}-{number}"
                home.mkdir()
                began = time.monotonic()
                end = call(home, "search.run", *words, *more)
                whole[way].append((time.monotonic() - began) / chosen.trials)
                assert end.returncode == 0, end.stderr
                stores.append(snapshot(home, f"{chosen.study}-reviews"))
                trials[way].append(_seconds(stores[-1]) / chosen.trials)
                print(f"{way}: {whole[way][-1]:.2f} and {trials[way][-1]:.2f} s", flush=True)
            equal = equal and _values(stores[0]) == _values(stores[1])
    for name, found in (("whole", whole), ("trials", trials)):
        ratio = median(found["cluster"]) / median(found["workers"])
        print(f"{name}: {ratio:.3f} of the seconds by --workers 2")
    print(f"equal values: {equal}; load at the end: {os.getloadavg()[0]:.2f}")
    return 0 if equal else 1


def _reviews(folder: Path, n_texts: int) -> Path:
    packaged = locate("imdb-train", folder, lambda line: None).path
    reviews = pd.read_csv(packaged, dtype=str, keep_default_na=False)
    few = reviews[reviews["source"] == "imdb"].groupby("label", sort=True).head(n_texts // 2)
    positive = few["label"].astype(float) > 0
    table = pd.DataFrame({"text": few["text"], "label": positive.map({True: "pos", False: "neg"})})
    file = folder / "reviews.csv"
    table.to_csv(file, index=False)
    return file


def _seconds(store: Snapshot) -> float:
    runs = [run.info for run in store.trials.values()]
    return (max(run.end_time for run in runs) - min(run.start_time for run in runs)) / 1000


def _values(store: Snapshot) -> dict[str, float]:
    """Return the result of each trial by its seed."""
    return {
        run.data.tags["trial.seed"]: run.data.metrics["best_val_accuracy"]
        for run in store.trials.values()
    }


if __name__ == "__main__":
    sys.exit(main())
