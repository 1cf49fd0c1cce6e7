"""How much one coordinator can take: trials that sleep instead of training, all else real.

python tests/benchmarks/scale.py [--evaluators 64] [--seconds 5] [--trials 600]
python tests/benchmarks/scale.py --evaluators 1 --seconds 0 --trials 10000

Busy is the share of their time in which evaluators train and do not wait for the coordinator, once
each has ended its first trial. With one evaluator and trials that take no time, a trial's
milliseconds are what it takes to propose and to record it. The search is TPE with the median
pruner, which looks at each epoch and ends no trial, for their epochs are alike; scores are random.

Machines differ, and one that others use too is not as fast every second. So 50 trials with such
parameters, epochs and numbers are asked for, recorded and told in a plain loop with the two
libraries alone, as their documentation has it: TPE as Optuna has it, no tags, no files, no models,
no trial that can be continued. They take turns with those of the search, or come after it where
trials take time. Of TPE the last lines say what part of the loop's processor time a trial takes
here; compare that between runs of as many trials. The loop's memory is in the figures.

Last, the study is asked for one trial more: how long, in processor time, it takes to begin that
trial, over reading the study's records, which a start cannot do without.

The stand-ins for evaluators live in the coordinator's own process and cost it a list of due times
and a model of 100 kB a trial to write. Executor of a real cluster take nothing of its cores;
what the coordinator pays to hear from them over a network is not in the figures.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import optuna
import psutil
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from search.cli.progress import tally
from search.coordinator.loop import Coordinator
from search.engines.optuna.optuna_engine import OptunaEngine
from search.engines.optuna.suggest import suggest
from search.workers.executor import ExecutorConfig
from search.workers.tasks import AnyTask, Task
from search.workers.trial_process import POLL_SECONDS, Event
from tests.builders import place_database
from tests.coordinator import DATASET, PLAN, RECORD, Silent
from tracking import store
from tracking.commandline.errors import Stopped
from tracking.connection.metrics import metrics
from tracking.records import EpochRecord, ScoreRecord

_MODEL = b"\0" * 100_000
_PLAIN_TRIALS, _FIRST_ONES = 50, 10  # the first ones fill the libraries' caches


@dataclass
class Clock:
    """What the evaluators did, by the clock.

    Attributes:
        seconds: that each trial trains.
        every: how many trials are summed up in a line.
        pause: called before each trial with its number; what it takes is not counted.
        cpu_seconds: of this process at the latest start.
        starts: of all trials.
        spans: from when to when a trial trained, an epoch each: two numbers, one after the other.
    """

    seconds: float
    every: int
    pause: Callable[[int], None] = lambda n: None
    paused_seconds: float = 0.0
    cpu_seconds: float = 0.0
    # Arrays, for they grow with each trial, and it is the coordinator that is measured.
    starts: array[float] = field(default_factory=lambda: array("d"))
    memory: dict[int, float] = field(default_factory=dict)  # MB, by how many trials had begun
    spans: array[float] = field(default_factory=lambda: array("d"))

    def note_start(self) -> None:
        self.starts.append(time.monotonic() - self.paused_seconds)
        self.cpu_seconds = time.process_time()
        began = time.monotonic()
        self.pause(len(self.starts))
        self.paused_seconds += time.monotonic() - began
        n = len(self.starts) - 1
        if n in (100, 1_000):
            self.memory[n] = _megabytes()
        if n and n % self.every == 0:
            print(_line(n, _milliseconds(self.starts[-self.every - 1 :])), flush=True)


@dataclass
class Sleeper:
    """A task under way: what it will give, and when."""

    task: Task
    events: Iterator[tuple[float, Event]]
    due: float = 0.0
    event: Event | None = None

    def next(self, clock: Clock) -> None:
        began = time.monotonic()
        seconds, self.event = next(self.events)
        self.due = began + seconds
        if seconds:
            clock.spans.extend((began, self.due))


class SleepingPool:
    """Stands in for a process pool: its tasks end by the clock, and no process trains."""

    def __init__(self, clock: Clock, n_workers: int, tick: Callable[[], None]) -> None:
        self._clock = clock
        self._tick = tick
        self._under_way: dict[Path, Sleeper] = {}
        self._n_workers = n_workers

    def __enter__(self) -> SleepingPool:
        return self

    def __exit__(self, *exception: object) -> None: ...

    @property
    def n_free(self) -> int:
        return self._n_workers - len(self._under_way)

    def start(self, task: Task, seconds: float = 0.0) -> None:
        self._clock.note_start()
        sleeper = Sleeper(task, _events(task, self._clock.seconds))
        sleeper.next(self._clock)
        self._under_way[task.folder] = sleeper

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]:
        self._tick()
        first = min(sleeper.due for sleeper in self._under_way.values())
        time.sleep(min(seconds, max(0.0, first - time.monotonic())))
        now = time.monotonic()
        due = [s for s in self._under_way.values() if s.event is not None and s.due <= now]
        found: list[tuple[AnyTask, Event]] = []
        for sleeper in due:
            assert sleeper.event is not None
            found.append((sleeper.task, sleeper.event))
            sleeper.event, sleeper.due = None, float("inf")
        return found

    def go_on(self, task: Task) -> None:
        self._under_way[task.folder].next(self._clock)

    def stop(self, task: AnyTask) -> None:
        assert isinstance(task, Task)
        del self._under_way[task.folder]


def _events(task: Task, seconds: float) -> Iterator[tuple[float, Event]]:
    n_epochs = int(task.params["train.epochs"])
    for number in range(1, n_epochs + 1):
        yield seconds / n_epochs, _epoch(number)
    task.model.write_bytes(_MODEL)
    task.summary.write_text("Model: none\n", "utf-8")
    yield 0.0, _score(task.seed)


def _epoch(number: int) -> EpochRecord:
    return EpochRecord(number, 0.5, 0.9, 0.6, 0.8, 1e-3, 1.7, 500.0)


def _score(seed: int) -> ScoreRecord:
    a = random.Random(seed).uniform(0.7, 0.9)
    return ScoreRecord(1, a, a - 0.01, a + 0.01, 0.6, 0.9, 1_000, ((4, 1), (0, 5)))


class PlainLoop:
    """A loop with the two libraries alone.

    Attributes:
        n_trials: that were run, but for the first ones.
        cpu_seconds: that these have taken.
    """

    def __init__(self, root: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
        self._experiment = self._client.create_experiment("plain", str(root / "artifacts"))
        self._study = optuna.create_study(
            storage=f"sqlite:///{root / 'optuna.db'}",
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(),
        )
        for _ in range(_FIRST_ONES):
            self._trial()
        self.n_trials, self.cpu_seconds = 0, 0.0

    def trial(self) -> None:
        """Run one trial."""
        began = time.process_time()
        self._trial()
        self.n_trials += 1
        self.cpu_seconds += time.process_time() - began

    def _trial(self) -> None:
        client, trial = self._client, self._study.ask()
        params = PLAN.complete(suggest(trial, PLAN))
        run = client.create_run(self._experiment, run_name=f"trial-{trial.number}")
        run_id = run.info.run_id
        client.log_batch(run_id, params=[Param(n, str(value)) for n, value in params.items()])
        for epoch in range(1, int(params["train.epochs"]) + 1):
            client.log_batch(run_id, metrics=_numbers(_epoch(epoch), epoch))
            trial.report(0.8, epoch)
            trial.should_prune()
        score = _score(trial.number)
        client.log_batch(run_id, metrics=_numbers(score, score.best_epoch))
        client.set_terminated(run_id)
        self._study.tell(trial, score.val_accuracy)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluators", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="that a trial trains")
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--keep-models", type=int, default=3)
    chosen = parser.parse_args()
    clock = Clock(chosen.seconds, every=max(1, min(1_000, chosen.trials // 5)))
    print(f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="seqsearch-scale-") as folder:
        plain = PlainLoop(place_database(Path(folder) / "plain"))
        if not chosen.seconds:
            apart = max(1, chosen.trials // _PLAIN_TRIALS)
            clock.pause = lambda n: None if n % apart else plain.trial()
        root = place_database(Path(folder) / "search")
        began, cpu = time.monotonic(), time.process_time()
        _search(root, chosen, clock)
        seconds = time.monotonic() - began - clock.paused_seconds
        cpu = time.process_time() - cpu - plain.cpu_seconds
        while plain.n_trials < _PLAIN_TRIALS:
            plain.trial()
        reading, start = _start(root, chosen)
    each, alone = 1_000 * cpu / len(clock.starts), 1_000 * plain.cpu_seconds / plain.n_trials
    _report(clock, seconds)
    print(f"{each:.0f} ms of processor time a trial")
    if chosen.sampler == "tpe":
        print(f"{alone:.0f} ms by the two libraries alone: {each / alone:.2f} of that")
    if chosen.seconds and len(clock.starts) > 2 * chosen.evaluators:
        print(f"busy: {100 * _busy(clock, chosen.evaluators):.1f} %")
    print(f"reading it {reading:.2f} s, starting it {start:.2f} s: {start / reading:.2f} of that")
    print(f"load at the end {os.getloadavg()[0]:.2f}")
    return 0


def _report(clock: Clock, seconds: float) -> None:
    found = _milliseconds(clock.starts)
    print(f"propose and record, all {_line(len(clock.starts), found)}")
    print(f"the last 1000 of {_line(len(clock.starts), found[-1_000:])}")
    then = [f"{megabytes:.0f} MB after {n} trials" for n, megabytes in clock.memory.items()]
    print(f"memory: {', '.join([*then, f'{_megabytes():.0f} MB at the end'])}")
    print(f"{len(clock.starts) / seconds:.1f} trials a second over all")


def _numbers(record: EpochRecord | ScoreRecord, step: int) -> list[Metric]:
    known = {n: value for n, value in asdict(record).items() if isinstance(value, int | float)}
    return metrics(known, step)


def _start(root: Path, chosen: argparse.Namespace) -> tuple[float, float]:
    """Return the seconds of processor time to read a study, and to begin a trial of it."""

    def begun(n: int) -> None:
        raise Stopped(signal.SIGINT)

    began = time.process_time()
    store.read_study(root, RECORD.study)
    reading, began = time.process_time() - began, time.process_time()
    clock = Clock(0.0, every=1, pause=begun)
    with suppress(Stopped):
        _search(root, argparse.Namespace(**{**vars(chosen), "trials": chosen.trials + 1}), clock)
    return reading, clock.cpu_seconds - began


def _search(root: Path, chosen: argparse.Namespace, clock: Clock) -> None:
    plan = PLAN.with_budget(chosen.trials, None)
    records = store.open_study(root, RECORD, fresh=False)
    tally(records.study(), plan)  # what search.run shows before it begins
    Coordinator(
        plan,
        OptunaEngine(plan, seed=7, sampler=chosen.sampler, pruner="median"),
        records,
        DATASET,
        Silent(),
        lambda: None,
        ExecutorConfig(
            partial(SleepingPool, clock, chosen.evaluators),
            chosen.evaluators,
            n_threads=1,
            is_here=chosen.evaluators == 1,  # more are on a cluster
        ),
        root / "s.trials",
        keep_models=chosen.keep_models,
    ).run()


def _busy(clock: Clock, n_evaluators: int) -> float:
    """Return the share of time in which evaluators trained, between warm-up and the last start."""
    first, last = clock.starts[2 * n_evaluators], clock.starts[-1]
    spans = zip(clock.spans[::2], clock.spans[1::2], strict=True)
    trained = sum(max(0.0, min(end, last) - max(start, first)) for start, end in spans)
    return trained / (n_evaluators * (last - first))


def _milliseconds(starts: Sequence[float]) -> list[float]:
    return [1_000 * (after - before) for before, after in pairwise(starts)]


def _line(n: int, found: list[float]) -> str:
    high = quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
    middle = median(found)
    return (
        f"{n} trials: median {middle:.0f} ms, 95th percentile {high:.0f} ms; {_megabytes():.0f} MB"
    )


def _megabytes() -> float:
    memory: float = psutil.Process().memory_info().rss / 2**20
    return memory


if __name__ == "__main__":
    sys.exit(main())
