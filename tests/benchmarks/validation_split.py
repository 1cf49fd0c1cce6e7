"""Which validation part tells more of the test set: one split off by movie, or one at random?

    python tests/benchmarks/validation_split.py [--splits N] [--out FILE]

Every candidate is trained on each of N splits of both kinds, as a trial is (early stopping on its
own validation part, the best epoch's weights), and then scored on the official test set, once.
These test evaluations choose no candidate and no hyperparameter; they are counted. Each is a row
of FILE, which is written as it goes; a second start continues it. The result is in
docs/explanation/validation-by-movie.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, spearmanr, t

from search.datasets import cache, split
from search.datasets.cache import Dataset
from search.datasets.sources import locate
from search.datasets.texts import Texts
from search.datasets.tokenizer import preparation
from search.system.keras_backend import keras  # first: it silences TensorFlow's start
from search.training.fit import predict
from search.training.metrics import accuracy
from search.training.trial import encoded, evaluate
from spaces.families import space_of
from spaces.ranges import Params, check, defaults
from spaces.training import PLAIN

PURPOSE = "how far validation by movie, and at random, are from test"
_OUT = Path("docs/explanation/validation-by-movie.csv")
KINDS = ("movie", "random")
HEAD = (
    "kind",
    "split",
    "candidate",
    "val_accuracy",
    "test_accuracy",
    "movies_shared",
    "seconds",
    "purpose",
)
_TEXT = {"text.vocab_size": 10_000, "text.maxlen": 250, "train.epochs": 3, "train.patience": 2}
_SMALL: dict[str, Params] = {
    "nbsvm": {"nbsvm.order": 2, "nbsvm.max_ngrams": 100_000, "train.learning_rate": 3e-3},
    "ngram": {
        "ngram.order": 2,
        "ngram.max_ngrams": 50_000,
        "ngram.embedding_dim": 16,
        "train.learning_rate": 5e-3,
    },
    "feedforward": {"feedforward.embedding_dim": 16, "feedforward.units": 16},
    "cnn": {
        "text.maxlen": 200,
        "cnn.embedding_dim": 16,
        "cnn.filters": 16,
        "cnn.n_kernels": 1,
        "train.learning_rate": 5e-3,
    },
}
# As a search would try them: good and poor, some that are trained too short and some too long.
CANDIDATES: dict[str, tuple[str, Params]] = {
    "nbsvm": ("nbsvm", {}),
    "nbsvm-unigrams": ("nbsvm", {"nbsvm.order": 1, "nbsvm.max_ngrams": 10_000}),
    "nbsvm-few-words": ("nbsvm", {"text.vocab_size": 1_000}),
    "nbsvm-smooth": ("nbsvm", {"nbsvm.smoothing": 8.0, "train.learning_rate": 3e-4}),
    "ngram": ("ngram", {}),
    "ngram-unigrams": ("ngram", {"ngram.order": 1, "ngram.max_ngrams": 10_000}),
    "ngram-slow": ("ngram", {"train.learning_rate": 5e-4, "train.epochs": 2}),
    "ngram-beginnings": ("ngram", {"text.maxlen": 100, "text.truncating": "post"}),
    "feedforward": ("feedforward", {}),
    "feedforward-wide": ("feedforward", {"feedforward.units": 256, "feedforward.layers": 2}),
    "feedforward-max": ("feedforward", {"feedforward.pooling": "max"}),
    "feedforward-long": ("feedforward", {"train.epochs": 6, "train.learning_rate": 5e-3}),
    "cnn": ("cnn", {}),
    "cnn-words": ("cnn", {"cnn.kernel_size": 1}),
    "cnn-few-filters": ("cnn", {"cnn.filters": 8, "text.maxlen": 100}),
}


def main() -> None:
    """Train what is missing, then say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3, metavar="N", help="of each kind")
    parser.add_argument("--out", type=Path, default=_OUT)
    arguments = parser.parse_args()
    source = locate("imdb", cache.folder(), print)
    reviews = source.read()
    assert source.official
    assert reviews.test is not None
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
        os.environ["SEQSEARCH_CACHE"] = folder
        for seed in range(arguments.splits):
            for kind in KINDS:
                missing = [
                    name for name in CANDIDATES if (kind, seed, name) not in _done(arguments.out)
                ]
                if missing:
                    data, shared = _prepare(reviews.train, reviews.test, kind, seed, Path(folder))
                    for name in missing:
                        _write(
                            arguments.out, (kind, seed, name, *_train(data, name, seed), shared)
                        )
    print(summary(pd.read_csv(arguments.out)).to_string(index=False))


def _train(data: Dataset, name: str, seed: int) -> tuple[float, float, float]:
    """Train a candidate; give its accuracy on validation and on test, and the seconds."""
    family, changes = CANDIDATES[name]
    space = space_of(family)
    params = {**defaults(space), **PLAIN, **_TEXT, **_SMALL[family], **changes}
    check(space, params, of=name)
    began = time.perf_counter()
    done = evaluate(params, family, data, seed, lambda epoch: None)
    test = encoded(data.open_test(PURPOSE), "test", **preparation(params))
    on_test = accuracy(predict(done.model, test), test.labels)
    keras.backend.clear_session()
    return done.score.val_accuracy, on_test, time.perf_counter() - began


def _prepare(
    training: Texts, test: Texts, kind: str, seed: int, folder: Path
) -> tuple[Dataset, float]:
    """Prepare a split; tell which share of its validation texts shares a movie with training."""
    assert training.groups is not None
    whole = training if kind == "movie" else Texts(training.texts, training.labels)
    held_out = split.hold_out(whole, kind, seed)
    movies = np.array(training.groups)
    shared = float(np.isin(movies[held_out], movies[~held_out]).mean())
    parts = {"train": training.select(~held_out), "validation": training.select(held_out)}
    frames = [
        pd.DataFrame(
            {"text": texts.texts, "label": texts.labels, "group": texts.groups, "split": part}
        )
        for part, texts in {**parts, "test": test}.items()
    ]
    table = folder / f"{kind}-{seed}.parquet"
    pd.concat(frames).to_parquet(table)
    return cache.load(str(table), print), shared


def _done(out: Path) -> set[tuple[str, int, str]]:
    return {(row["kind"], int(row["split"]), row["candidate"]) for row in _rows(out)}


def _rows(out: Path) -> Iterator[dict[str, str]]:
    if out.is_file():
        with out.open(newline="") as file:
            yield from csv.DictReader(file)


def _write(out: Path, row: tuple[str, int, str, float, float, float, float]) -> None:
    kind, seed, name, on_validation, on_test, seconds, shared = row
    new = not out.is_file()
    with out.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(HEAD)
        numbers = (f"{on_validation:.5f}", f"{on_test:.5f}", f"{shared:.4f}", f"{seconds:.1f}")
        writer.writerow([kind, seed, name, *numbers, PURPOSE])
    print(f"{kind} {seed} {name}: {on_validation:.4f} {on_test:.4f} {seconds:.0f} s", flush=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return bias, rank correlation and regret of both kinds, a row for each split and the mean.

    The bias is the mean over the candidates of validation minus test accuracy, in points. The
    regret is what the candidate that is best on validation lacks on test of the best one there.
    """
    rows = []
    for (kind, number), part in table.groupby(["kind", "split"]):
        off = 100 * (part["val_accuracy"] - part["test_accuracy"])
        chosen = part.loc[part["val_accuracy"].idxmax(), "test_accuracy"]
        rows.append(
            {
                "kind": kind,
                "split": str(number),
                "candidates": len(part),
                "movies_shared": part["movies_shared"].mean(),
                "bias": off.mean(),
                "deviation": off.std(),
                "spearman": spearmanr(part["val_accuracy"], part["test_accuracy"]).statistic,
                "kendall": kendalltau(part["val_accuracy"], part["test_accuracy"]).statistic,
                "regret": 100 * (part["test_accuracy"].max() - chosen),
            }
        )
    each = pd.DataFrame(rows)
    means = []
    for kind, part in each.groupby("kind"):
        mean: dict[str, Any] = part.drop(columns=["kind", "split"]).mean().to_dict()
        half = part["bias"].std() / np.sqrt(len(part)) * t.ppf(0.975, max(len(part) - 1, 1))
        means.append({"kind": kind, "split": f"mean (bias ± {half:.2f})", **mean})
    return pd.concat([each, pd.DataFrame(means)]).round(3)


if __name__ == "__main__":
    main()
