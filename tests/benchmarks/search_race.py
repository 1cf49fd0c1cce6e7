"""Which search method finds what, how fast: replayed on recorded trials, 50 seeds each.

    python tests/benchmarks/search_race.py [--seeds 50] [--rows N] [--out FOLDER]

The engines are the real ones, asked as the coordinator does; only training is looked up.
A proposal is answered by the recorded configuration (table.py) of its family that is nearest to
it: every accuracy and every second was measured, none is a model's guess. The price is that the
landscape has steps: with some twenty rows a family, a method that refines values near a good one
learns less here than in earnest, while the choice of the family, and of what to stop early, is as
it is. So the race is hard on methods that learn, ours among them. The same row answers a
proposal near it each time, so luck between seeds of one configuration is not in it.

A trial costs what was measured of its epochs, and 1.2 s for its process. Peers are run as they
come: without our initial trials and without our pruner, but with early stopping, which their own
examples use too. Keras Tuner's hyperband is charged for the further epochs of a promoted trial
alone, as its Tuner resumes it from saved weights; our engine trains it from the start. A trial
that Optuna's pruner with rungs has paused is charged for its further epochs alone when it goes on.

Everybody has the time that random search takes, in the median, for 40 trials. A method reaches a
peer when its best accuracy is at least the peer's median at the end. The peer's own time is that
at which its median curve gets there, which is before the end.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from dashboards.figures.results import race
from search.engines.base import Engine
from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine
from search.engines.optuna.optuna_engine import OptunaEngine
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Params, Range, Value
from tests.benchmarks.table import FIRST_RUNG, Row, plan, read
from tests.builders import build_epochs, build_score
from tests.histories import begun
from tracking.records import RungRecord, TrialRecord

GOAL = 1 / 3
N_TRIALS = 40
_QUARTER = "hyperband from a quarter epoch on"
SHOWN = (  # on the page; without initial trials, which would hide what the methods do
    "random search",
    "Keras Tuner hyperband",
    "Keras Tuner bayesian",
    "qmc, no initial trials",
    "tpe, no pruner, no initial trials",
    "tpe, median, no initial trials",
    "tpe, hyperband, no initial trials",
    f"tpe, {_QUARTER}, no initial trials",
)
PROCESS_SECONDS = 1.2
_MOST_TRIALS = 200
_GRID = 60  # points of a curve

Make = Callable[[int], Engine]


class Bare(StudyPlan):
    """A plan without initial trials: what a peer's own loop begins with."""

    def initial_trials(self) -> Mapping[str, Params]:
        return {}


@dataclass(frozen=True)
class Method:
    """A way to search; `resumes` charges a promoted trial for its further epochs alone."""

    name: str
    make: Make
    resumes: bool = False


class Table:
    """Answers a proposal by the nearest recorded configuration of its family."""

    def __init__(self, rows: list[Row], cheap: StudyPlan) -> None:
        self._names = {
            family: [
                name
                for name in cheap.searched_for({FAMILY: family})
                if name not in (FAMILY, "train.epochs")
            ]
            for family in cheap.families
        }
        self._space = cheap.space
        self._rows: dict[str, list[Row]] = {family: [] for family in cheap.families}
        for row in rows:
            if row.accuracies:
                self._rows[row.family].append(row)
        self._points = {
            family: np.array([self._place(family, row.params) for row in own])
            for family, own in self._rows.items()
        }

    def nearest(self, family: str, params: Params) -> Row:
        distances = ((self._points[family] - self._place(family, params)) ** 2).sum(axis=1)
        return self._rows[family][int(distances.argmin())]

    def _place(self, family: str, params: Params) -> NDArray[np.float64]:
        return np.concatenate([_unit(self._space[n], params[n]) for n in self._names[family]])


def _unit(range_: Range, value: Value) -> list[float]:
    """Put a value between 0 and 1; of a choice, options are equally far from each other."""
    if isinstance(range_, Choice):
        return [math.sqrt(0.5) * (value == option) for option in range_.options]
    low, high, at = float(range_.low), float(range_.high), float(value)
    if range_.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return [(at - low) / (high - low)]


@dataclass(frozen=True)
class Run:
    """A search with one seed: seconds passed and best accuracy after each trial."""

    seconds: NDArray[np.float64]
    best: NDArray[np.float64]

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the best accuracy at these times; 0 before the first trial ended."""
        n_ended = np.searchsorted(self.seconds, seconds, side="right")
        return np.concatenate([[0.0], self.best])[n_ended]

    def reaches(self, accuracy: float) -> float:
        """Return the seconds until this accuracy; infinity if it is never reached."""
        there = np.flatnonzero(self.best >= accuracy)
        return float(self.seconds[there[0]]) if len(there) else math.inf


def search(method: Method, seed: int, table: Table, cheap: StudyPlan, seconds: float) -> Run:
    """Run a method until it has used its time and at least as many trials as are compared."""
    engine = method.make(seed)
    clock, best = 0.0, 0.0
    times, bests, history = [], [], list[TrialRecord]()
    while len(history) < _MOST_TRIALS and (clock < seconds or len(history) < N_TRIALS):
        promoted = engine.promote(history)
        if promoted is not None:
            trial = history[promoted]
        else:
            proposal = engine.propose(history)
            if proposal is None:
                break
            trial = begun(proposal)
            history.append(trial)
        row = table.nearest(str(trial.params[FAMILY]), trial.params)
        ended, cost = train(engine, trial, row, history)
        history[trial.number] = ended
        if method.resumes and "promoted" in trial.proposed_by:
            cost = _further(trial.params, row)
        clock += cost
        best = max(best, ended.score.val_accuracy if ended.score else 0.0)
        times.append(clock)
        bests.append(best)
    return Run(np.array(times), np.array(bests))


def train(
    engine: Engine, trial: TrialRecord, row: Row, history: list[TrialRecord]
) -> tuple[TrialRecord, float]:
    """Replay a trial from where it stands; return it as it ended, and the seconds it took."""
    n_epochs = int(trial.params["train.epochs"])
    curve, seconds = row.accuracies[:n_epochs], PROCESS_SECONDS
    trial = replace(trial, state="running")
    if engine.first_rung == FIRST_RUNG and trial.rung is None:
        trial = replace(trial, rung=RungRecord(FIRST_RUNG, row.rung, row.rung_seconds))
        if engine.should_prune(trial, history):
            return replace(trial, state="pruned"), seconds + row.rung_seconds
    elif trial.rung is not None and not trial.epochs:
        seconds -= row.rung_seconds  # it goes on within its first epoch
    for number in range(len(trial.epochs) + 1, len(curve) + 1):
        seconds += row.seconds[number - 1]
        trial = replace(trial, epochs=build_epochs(*curve[:number]))
        if number != n_epochs and engine.should_prune(trial, history):
            return replace(trial, state="pruned"), seconds
    score = build_score(trial.epochs, n_parameters=1 + row.number)
    return replace(trial, state="complete", score=score), seconds + row.rest


def _further(params: Params, row: Row) -> float:
    """Seconds of the epochs that a promotion adds; the rung before had a third of them."""
    epochs = int(params["train.epochs"])
    before = math.ceil(epochs / 3)
    return PROCESS_SECONDS + sum(row.seconds[before:epochs]) + row.rest


def methods(cheap: StudyPlan) -> list[Method]:
    """Everybody in the race; the first two are the peers that goals are set by."""
    bare = Bare(**{name: getattr(cheap, name) for name in cheap.__dataclass_fields__})

    def optuna(sampler: str, pruner: str, of: StudyPlan = cheap, n_texts: int = 0) -> Make:
        ours = {"sampler": sampler, "pruner": pruner, "n_texts": n_texts}
        return lambda seed: OptunaEngine(of, seed=seed, **ours)  # type: ignore[arg-type]

    def keras_tuner(sampler: str, of: StudyPlan = bare) -> Make:
        return lambda seed: KerasTunerEngine(of, seed=seed, sampler=sampler)

    return [
        Method("random search", optuna("random", "none", bare)),
        Method("Keras Tuner hyperband", keras_tuner("hyperband"), resumes=True),
        Method("Keras Tuner random", keras_tuner("random")),
        Method("our default: tpe, median", optuna("tpe", "median")),
        Method("tpe, hyperband", optuna("tpe", "hyperband")),
        Method("tpe, no pruner", optuna("tpe", "none")),
        Method("tpe, no pruner, no initial trials", optuna("tpe", "none", bare)),
        Method("tpe, median, no initial trials", optuna("tpe", "median", bare)),
        Method("tpe, hyperband, no initial trials", optuna("tpe", "hyperband", bare)),
        # Its look within the first epoch needs more texts than the table has: what if not?
        Method(f"tpe, {_QUARTER}, no initial trials", optuna("tpe", "hyperband", bare, 20_000)),
        Method("random, median", optuna("random", "median")),
        Method("qmc, median", optuna("qmc", "median")),
        Method("qmc, no initial trials", optuna("qmc", "none", bare)),
        Method("nsga2, no initial trials", optuna("nsga2", "none", bare)),
        Method("Keras Tuner grid", keras_tuner("grid")),
        Method("our Keras Tuner hyperband", keras_tuner("hyperband", cheap)),
        Method("Keras Tuner bayesian", keras_tuner("bayesian")),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50, help="seeds of each method (50)")
    parser.add_argument("--rows", type=int, help="use the first rows of the table only")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "data")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # of sklearn's kernel, once a proposal
    rows, cheap = read()[: arguments.rows], plan()
    table = Table(rows, cheap)
    best = max(rows, key=lambda row: max(row.accuracies, default=0.0))
    print(
        f"{len(rows)} recorded configurations; the best: {best.family} {max(best.accuracies):.4f}"
    )
    seconds = 0.0
    runs: dict[str, list[Run]] = {}
    for method in methods(cheap):
        began = time.perf_counter()
        runs[method.name] = [
            search(method, seed, table, cheap, seconds) for seed in range(arguments.seeds)
        ]
        if not seconds:
            own = runs[method.name]
            seconds = float(np.median([run.seconds[N_TRIALS - 1] for run in own]))
            print(f"random search takes {seconds / 60:.1f} minutes for {N_TRIALS} trials")
        took = time.perf_counter() - began
        print(f"{method.name}: {arguments.seeds} seeds, {took:.0f} s", file=sys.stderr, flush=True)
    report(runs, seconds, arguments.out)


def _write_curves(
    runs: Mapping[str, list[Run]],
    curves: Mapping[str, NDArray[np.float64]],
    grid: NDArray[np.float64],
) -> None:
    """Write what the page draws, of the methods that it shows: quartiles over the seeds."""
    with race.FILE.open("w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["method", "against", "at", "low", "median", "high"])
        for name in (name for name in SHOWN if name in runs):
            by_trials = np.array([run.best[:N_TRIALS] for run in runs[name]])
            both = {
                "minutes": (grid / 60, curves[name]),
                "trials": (np.arange(1, N_TRIALS + 1), by_trials),
            }
            for against, (places, values) in both.items():
                bands = np.quantile(values, (0.25, 0.5, 0.75), axis=0).T
                for at, band in zip(places, bands, strict=True):
                    numbers = [f"{value:.4f}" for value in band]
                    writer.writerow([name, against, f"{at:.3f}".rstrip("0").rstrip("."), *numbers])


def report(runs: Mapping[str, list[Run]], seconds: float, out: Path) -> None:
    """Print what came out, and write the curves and the summary."""
    grid = np.linspace(0.0, seconds, _GRID + 1)[1:]
    curves = {name: np.array([run.at(grid) for run in own]) for name, own in runs.items()}
    _write_curves(runs, curves, grid)
    peers = list(runs)[:2]
    head = ["method", "seeds", "trials", "at 10 trials", "at 20", f"at {N_TRIALS}"]
    head += ["at the end", "low", "high"]
    head += [f"{what} of {peer}'s minutes" for peer in peers for what in ("share", "low", "high")]
    lines_out = [head]
    for name, own in runs.items():
        at_trials = [np.median([run.best[n - 1] for run in own]) for n in (10, 20, N_TRIALS)]
        low, end, high = np.quantile(curves[name][:, -1], (0.25, 0.5, 0.75))
        n_trials = np.median([(run.seconds <= seconds).sum() for run in own])
        line = [name, str(len(own)), f"{n_trials:.0f}", *(f"{100 * a:.2f}" for a in at_trials)]
        line += [f"{100 * value:.2f}" for value in (end, low, high)]
        for peer in peers:
            median = np.median(curves[peer], axis=0)
            peers_time = grid[np.argmax(median >= median[-1])]
            shares = np.array([run.reaches(median[-1]) for run in own]) / peers_time
            quantiles = np.quantile(shares, (0.5, 0.25, 0.75), method="nearest")
            line += [f"{share:.2f}" if np.isfinite(share) else "never" for share in quantiles]
        lines_out.append(line)
    with (out / "race.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines_out)
    for line in lines_out:
        print(" | ".join(line))
    ours = lines_out[1 + list(runs).index("our default: tpe, median")]
    print(
        f"our default needs {ours[9]} (quartiles {ours[10]} to {ours[11]}) of the time of "
        f"{peers[0]}, and {ours[12]} ({ours[13]} to {ours[14]}) of that of {peers[1]}; "
        f"goal: at most {GOAL:.2f}"
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
