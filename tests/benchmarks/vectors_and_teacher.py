"""Validation accuracy of a BiLSTM by epoch, with and without counted vectors and a teacher.

    python tests/benchmarks/vectors_and_teacher.py [--vectors counted] [--teacher nbsvm]
        [--strength 2.5] [--epochs 4] [--seed 0]

On the movie reviews, 400 words of each; the test part is not read. What is learned from the texts
beforehand is made once and comes from the cache after that, so it is timed apart.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from search.arrays import attach
from search.datasets.cache import load
from spaces.families import space_of
from spaces.ranges import Value, defaults
from tracking.records import EpochRecord

WITHOUT_TEACHER = {"embedding_dropout": 0.3, "input_dropout": 0.2, "output_dropout": 0.3}
WITH_TEACHER = {"embedding_dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", default="random")
    parser.add_argument("--teacher", default="none")
    parser.add_argument("--strength", type=float, default=2.5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    keys = [
        f"{name}={value}"
        for name, value in (("text.vectors", asked.vectors), ("train.teacher", asked.teacher))
        if value not in ("random", "none")
    ]
    began = time.perf_counter()
    data = attach(load("imdb", print), keys, print)
    print(f"ready after {time.perf_counter() - began:.0f} s; {dict(data.arrays)}", flush=True)

    from search.training.trial import evaluate

    dropout = WITHOUT_TEACHER if asked.teacher == "none" else WITH_TEACHER
    params: dict[str, Value] = {
        **defaults(space_of("bilstm")),
        "text.vocab_size": 30_000,
        "text.vectors": asked.vectors,
        "train.batch_size": 64,
        "train.epochs": asked.epochs,
        "train.patience": asked.epochs,
        "train.teacher": asked.teacher,
        "train.teacher_strength": asked.strength,
        "bilstm.embedding_dim": 100,
        "bilstm.units": 32,
        "bilstm.pooling": "max",
        **{f"bilstm.{name}": share for name, share in dropout.items()},
    }
    began = time.perf_counter()

    def show(epoch: EpochRecord) -> None:
        minutes = (time.perf_counter() - began) / 60
        print(
            f"{vars(asked)} epoch {epoch.epoch}: train {epoch.train_accuracy:.4f}, validation "
            f"{epoch.val_accuracy:.4f}, {minutes:.1f} min, "
            f"{time.process_time() / 60:.1f} min of CPU",
            flush=True,
        )

    evaluate(params, "bilstm", data, asked.seed, show)


if __name__ == "__main__":
    main()
