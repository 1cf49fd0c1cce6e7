"""Seconds of the same search by our study, by an Optuna loop and by Keras Tuner: one ratio each.

    python tests/benchmarks/live_race.py [--texts 5000] [--repeats 1]

Four configurations of the tutorials, LSTM(100) without dropout, with two kinds of it, and behind a
CNN, two epochs each, on the same reviews, which all three read from the same prepared arrays. Each
program is a process of its own, measured from its start to its end, loading Keras included.

    ours          Coordinator, Optuna, MLflow, trials side by side as search.run has them without
                  options, a process each, reviews in batches of like length
    optuna        study.optimize as Optuna's Keras and MLflow examples show it: clear_session, pad
                  every review to maxlen, fit, log parameters and accuracy; no curves, no model
    keras-tuner   Tuner.search over a HyperModel whose fit pads; it keeps checkpoints, no MLflow

The machine's speed drifts, so the three take turns. What lasts is the ratio; on a busy machine
look at that of the processor seconds, those of all processes that were waited for.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from search.datasets.cache import Dataset, load
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Params, take
from spaces.studies import STUDIES
from spaces.tutorials import CNN_LSTM, LSTM, LSTM_DROPOUT
from tests.benchmarks.table import subset

ROOT = Path(__file__).parents[2]
GOAL = 0.45
EPOCHS = 2
BATCH = 64
CONFIGURATIONS = [
    {FAMILY: reference.family, **reference.params, "train.epochs": EPOCHS}
    for reference in (LSTM[0], LSTM_DROPOUT[0], LSTM_DROPOUT[1], CNN_LSTM[0])
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=5_000, help="training reviews (5000)")
    parser.add_argument("--repeats", type=int, default=1, help="run the race this often (1)")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        data = load("imdb", print)
        with tempfile.TemporaryDirectory() as folder:
            parts = {"train": arguments.texts, "validation": arguments.texts // 5}
            few = subset(data, Path(folder), parts, seed=0)
            RUNS[arguments.run](few, arguments.folder)
        return
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in RUNS}
    for repeat in range(arguments.repeats):
        for name in RUNS:
            with tempfile.TemporaryDirectory() as folder:
                seconds[name].append(_time(name, arguments.texts, folder))
            load_now = os.getloadavg()[0]
            wall, processor = seconds[name][-1]
            print(
                f"{repeat}: {name} {wall:.1f} s, of a processor {processor:.1f} s, "
                f"load {load_now:.1f}",
                flush=True,
            )
    for peer in ("optuna", "keras-tuner"):
        pairs = list(zip(seconds["ours"], seconds[peer], strict=True))
        for place, what in enumerate(("wall time", "processor time")):
            ratios = [mine[place] / theirs[place] for mine, theirs in pairs]
            print(
                f"ours over {peer}, {what}: median {statistics.median(ratios):.2f}, "
                f"least {min(ratios):.2f} of {len(ratios)} (goal: at most {GOAL:.2f})"
            )


def _time(name: str, texts: int, folder: str) -> tuple[float, float]:
    """Run one of the three; give its seconds by the clock and of a processor."""
    command = [sys.executable, __file__, "--run", name, "--texts", str(texts), "--folder", folder]
    before, began = _children(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began, _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Given(StudyPlan):
    """A plan that tries the configurations of the race and nothing else."""

    def initial_trials(self) -> Mapping[str, Params]:
        ours = {"text.padding": "bucket"}
        return {
            f"race-{n}": self.complete({**params, **ours})
            for n, params in enumerate(CONFIGURATIONS)
        }


def _ours(data: Dataset, folder: Path) -> None:
    from rich.console import Console

    from search.cli.arguments import parser
    from search.cli.options import options
    from search.cli.progress import Progress, Tally
    from search.coordinator.loop import Coordinator
    from search.engines.optuna.optuna_engine import OptunaEngine
    from search.workers.executor import ExecutorConfig
    from search.workers.process_pool import ProcessPool
    from search.workers.trial_process import server
    from tracking import store
    from tracking.schema.environment import threads_each

    chosen = options(parser().parse_args(["--study", "architecture"]))
    whole = replace(
        STUDIES["architecture"],
        references=(),
        simple_baselines=(),
        n_trials=len(CONFIGURATIONS),
        timeout=None,
    )
    plan = _Given(**{name: getattr(whole, name) for name in whole.__dataclass_fields__})
    with server():
        records = store.open_study(folder, replace(chosen, plan=plan).record(data), fresh=False)
        engine = OptunaEngine(plan, seed=0, sampler="tpe", pruner="median")
        n_workers = chosen.n_workers
        with Progress(Console(), plan, (), Tally(), 60.0, n_workers) as progress:
            place = ExecutorConfig(
                partial(ProcessPool, n_workers), n_workers, threads_each(n_workers), is_here=True
            )
            check, work_dir = (lambda: None), folder / "trials"
            Coordinator(plan, engine, records, data, progress, check, place, work_dir).run()


def _optuna(data: Dataset, folder: Path) -> None:
    import mlflow
    import optuna

    from search.system.keras_backend import keras

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("race")

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        params = CONFIGURATIONS[trial.suggest_int("configuration", 0, len(CONFIGURATIONS) - 1)]
        with mlflow.start_run():
            mlflow.log_params(params)
            (x, y), validation = _padded(data, params)
            model = _model(params)
            model.fit(x, y, validation_data=validation, epochs=EPOCHS, batch_size=BATCH, verbose=0)
            _, accuracy = model.evaluate(*validation, verbose=0)
            mlflow.log_metrics({"accuracy": accuracy})
        return float(accuracy)

    study = optuna.create_study(direction="maximize")
    for number in range(len(CONFIGURATIONS)):
        study.enqueue_trial({"configuration": number})
    study.optimize(objective, n_trials=len(CONFIGURATIONS))


def _keras_tuner(data: Dataset, folder: Path) -> None:
    import keras_tuner

    from search.system.keras_backend import keras

    class Race(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> keras.Model:
            return _model(
                CONFIGURATIONS[hp.Choice("configuration", list(range(len(CONFIGURATIONS))))]
            )

        def fit(self, hp: Any, model: keras.Model, **kwargs: Any) -> Any:
            (x, y), validation = _padded(data, CONFIGURATIONS[hp["configuration"]])
            return model.fit(x, y, validation_data=validation, batch_size=BATCH, **kwargs)

    tuner = keras_tuner.GridSearch(
        Race(), objective="val_accuracy", directory=folder, project_name="race"
    )
    tuner.search(epochs=EPOCHS, verbose=0)
    assert len(tuner.oracle.trials) == len(CONFIGURATIONS)


def _padded(data: Dataset, params: Params) -> Any:
    """Pad every review in front to maxlen, as the examples do."""
    from search.system.keras_backend import keras
    from search.training.trial import encoded

    text: dict[str, Any] = take(params, "text")
    parts = []
    for part in ("train", "validation"):
        rows = encoded(data, part, **{"truncating": "pre", "padding": "full", **text})
        ids = [rows.rows[row] for row in range(len(rows.rows))]
        parts.append((keras.utils.pad_sequences(ids, maxlen=text["maxlen"]), rows.labels))
    return parts


def _model(params: Params) -> Any:
    """Build the same network, without a mask."""
    from search.models import builder
    from search.system.keras_backend import keras

    family = str(params[FAMILY])
    complete = STUDIES["architecture"].complete(params)
    vocab_size, maxlen = int(complete["text.vocab_size"]), int(complete["text.maxlen"])
    model = builder(family)(vocab_size, maxlen, 2, False, **take(complete, family))
    model.compile(
        keras.optimizers.Adam(), "binary_crossentropy", metrics=["accuracy"], jit_compile=False
    )
    return model


RUNS = {"ours": _ours, "optuna": _optuna, "keras-tuner": _keras_tuner}

if __name__ == "__main__":
    main()
