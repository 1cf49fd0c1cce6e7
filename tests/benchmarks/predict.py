"""How fast each format of a bundle is, how soon, and whether all give the same.

    python tests/benchmarks/predict.py BUNDLE [--uri models:/NAME@ALIAS] [--server http://...]

Speed in batches of 1, 32 and 1,024 reviews; seconds from the start of Python to the first answer;
and 2,000 reviews of the official test set, without their labels, through each format, MLflow's
pyfunc (--uri) and MLflow's server (--server): equal labels, and probabilities within 1e-5.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from search.bundles import bundle
from search.bundles.classifier import load
from search.bundles.proof import BATCHES, LARGEST_DIFFERENCE, per_second
from search.datasets import cache
from search.datasets.sources import locate

_N_TEXTS = 2_000
_PER_REQUEST = 200
_COLD = 'import sys; from search.bundles.classifier import load; load(*sys.argv[1:]).predict(["A film."])'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--uri", help="of the same model in MLflow")
    parser.add_argument("--server", help="of `mlflow models serve`, with the same model")
    arguments = parser.parse_args()
    texts = _reviews()
    answers = {}
    print(f"{'format':12} {'cold s':>7} " + " ".join(f"{f'{n:,}/s':>9}" for n in BATCHES))
    for name in bundle.read(arguments.bundle).formats:
        cold = _cold(arguments.bundle, name)
        classifier = load(arguments.bundle, name)
        speeds = [per_second(classifier, texts, size) for size in BATCHES]
        print(f"{name:12} {cold:7.2f} " + " ".join(f"{n:9,.0f}" for n in speeds), flush=True)
        answers[name] = classifier.probabilities(texts)
    if arguments.uri:
        answers["pyfunc"] = _pyfunc(arguments.uri, texts)
    if arguments.server:
        answers["http"] = _http(arguments.server, texts)
    _compare(answers)


def _reviews() -> list[str]:
    """Take reviews of the test part; nobody looks at their labels."""
    parts = locate("imdb", cache.folder(), print).read()
    assert parts.test is not None
    chosen = np.random.default_rng(0).permutation(len(parts.test))[:_N_TEXTS]
    return [parts.test.texts[row] for row in chosen]


def _cold(folder: Path, name: str) -> float:
    root = Path(__file__).parents[2]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-c", _COLD, str(folder.absolute()), name]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)  # what it takes when nobody else is at work


def _pyfunc(uri: str, texts: list[str]) -> np.ndarray:
    import mlflow
    import pandas as pd

    from tracking import store
    from tracking.connection import address

    mlflow.set_tracking_uri(address.tracking_uri(store.home()))
    table = mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"text": texts}))
    return table.drop(columns="label").to_numpy()


def _http(server: str, texts: list[str]) -> np.ndarray:
    import requests

    rows = []
    for start in range(0, len(texts), _PER_REQUEST):
        records = [{"text": text} for text in texts[start : start + _PER_REQUEST]]
        url = f"{server}/invocations"
        answer = requests.post(url, json={"dataframe_records": records}, timeout=600)
        answer.raise_for_status()
        for said in answer.json()["predictions"]:
            rows.append([p for name, p in said.items() if name != "label"])
    return np.array(rows)


def _compare(answers: dict[str, np.ndarray]) -> None:
    (first, expected), *others = answers.items()
    for name, found in others:
        same = np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))
        difference = np.abs(found - expected).max()
        good = "equal" if same and difference <= LARGEST_DIFFERENCE else "NOT EQUAL"
        print(f"{name} and {first} on {len(expected):,} reviews: {good}, by {difference:.1e}")


if __name__ == "__main__":
    main()
