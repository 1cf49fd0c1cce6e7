"""Whole programs in processes of their own, and what they leave in the records."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tracking.connection.relocate import relocate

ROOT = Path(__file__).resolve().parents[1]
_STATUS = {
    "running": "RUNNING",
    "interrupted": "KILLED",
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
}
_OF_EPOCHS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "gap")
GIVE_UP_SECONDS = 420.0


def environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "SEQSEARCH_IMDB"}
    return {
        **inherited,
        "SEQSEARCH_MLRUNS": str(home / "mlruns"),
        "SEQSEARCH_CACHE": str(home / "cache"),
    }


def call(
    home: Path, module: str, *words: str, text: str = "", cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        env=environment(home),
        input=text,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


def printed(what: str) -> str:
    """Return the example of the guide to own studies that has this in it, exactly as printed."""
    page = (ROOT / "docs" / "how-to" / "own-study-and-model.md").read_text("utf-8")
    (found,) = (one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if what in one)
    return str(found)


def copy_study(smoke_home: Path, home: Path) -> Path:
    """Copy the study that all tests share, to write in."""
    for name in ("mlruns", "cache"):
        shutil.copytree(smoke_home / name, home / name)
    relocate(home / "mlruns")
    return home


def write_few_texts(home: Path) -> Path:
    """Write a table of 120 short texts, half of them positive."""
    words = ["a fine film and a great cast", "a dull film and a weak plot"]
    lines = [f"{words[i % 2]} {i},{'pos' if i % 2 == 0 else 'neg'}" for i in range(120)]
    file = home / "few.csv"
    file.write_text("\n".join(["text,label", *lines, ""]))
    return file


class Running:
    """A program under way in a session of its own, as in a terminal of its own."""

    def __init__(
        self, home: Path, *words: str, module: str = "search.run", cwd: Path = ROOT
    ) -> None:
        self._errors = home / "stderr.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=cwd,
                env=environment(home),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._watchdog = threading.Timer(GIVE_UP_SECONDS, self.kill_all)
        self._watchdog.daemon = True
        self._watchdog.start()

    def wait_for(self, *beginnings: str) -> None:
        """Read its lines until these have come, one after another."""
        assert self.process.stdout is not None
        seen = []
        for beginning in beginnings:
            for line in self.process.stdout:
                seen.append(line)
                if line.startswith(beginning):
                    break
            else:
                pytest.fail(f"no line {beginning!r} in {''.join(seen)}\n{self.stderr}")

    def interrupt(self) -> float:
        """Press Ctrl-C, which the whole group receives; give the seconds until all is gone."""
        before = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.end()
        self.wait_until_gone()
        return time.monotonic() - before

    def wait_until_gone(self) -> None:
        deadline = time.monotonic() + 15
        while self.members() and time.monotonic() < deadline:
            time.sleep(0.1)

    def end(self) -> None:
        self.process.communicate()
        self._watchdog.cancel()

    def kill_all(self) -> None:
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    def members(self) -> list[str]:
        """Living processes of its session: itself, Keras' server, the trial, its children."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "sess=,stat=,pid="], capture_output=True, text=True, check=True
        )
        lines = [line.split() for line in listed.stdout.splitlines()]
        own = str(self.process.pid)
        return [pid for session, state, pid in lines if session == own and state[0] != "Z"]


@dataclass(frozen=True)
class Snapshot:
    """What the records hold of a study, read with MLflow's own client.

    Attributes:
        statuses: of every MLflow run of the study, by its name.
        trials: the MLflow runs of the trials, by number.
        epochs: what the epochs of each trial were recorded with, by the trial's number and the
            name of the metric: (epoch, value). Seconds and memory, which differ each time, are
            left out.
    """

    statuses: Mapping[str, str]
    trials: Mapping[int, Any]
    epochs: Mapping[int, Mapping[str, list[tuple[int, float]]]]

    @property
    def states(self) -> list[str]:
        """The states of the trials, by number."""
        return [run.data.tags["trial.state"] for run in self.trials.values()]

    @property
    def accuracies(self) -> list[float | None]:
        """The best validation accuracies of the trials, by number."""
        return [run.data.metrics.get("best_val_accuracy") for run in self.trials.values()]

    def faults(self) -> list[str]:
        """Return what does not hold: numbers without a gap, nothing running, each epoch once."""
        found = [f"{name} is running" for name, is_ in self.statuses.items() if is_ == "RUNNING"]
        if list(self.trials) != list(range(len(self.trials))):
            found.append(f"the trials have the numbers {list(self.trials)}")
        for (number, run), state in zip(self.trials.items(), self.states, strict=True):
            if run.info.status != _STATUS[state]:
                found.append(f"trial {number} is {state}, but its run is {run.info.status}")
            for name, written in self.epochs[number].items():
                steps = [step for step, _ in written]
                if steps != list(range(1, len(steps) + 1)):
                    found.append(f"trial {number} has {name} of the epochs {steps}")
        return found

    def assert_whole(self) -> None:
        assert self.faults() == []

    def values(self, number: int) -> tuple[dict[str, str], str]:
        run = self.trials[number]
        return run.data.params, run.data.tags["trial.seed"]


def snapshot(home: Path, study: str) -> Snapshot:
    client = MlflowClient(tracking_uri=f"sqlite:///{home / 'mlruns' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    found = [run for run in runs if run.data.tags["kind"] == "trial"]
    found.sort(key=lambda run: int(run.data.tags["trial.number"]))
    trials = {int(run.data.tags["trial.number"]): run for run in found}
    assert len(trials) == len(found), "two trials have one number"
    return Snapshot(
        {str(run.info.run_name): run.info.status for run in runs},
        trials,
        {number: _epochs(client, run) for number, run in trials.items()},
    )


def _epochs(client: MlflowClient, run: Any) -> dict[str, list[tuple[int, float]]]:
    written = {
        name: client.get_metric_history(run.info.run_id, name)
        for name in _OF_EPOCHS
        if name in run.data.metrics
    }
    return {
        name: sorted((metric.step, metric.value) for metric in metrics)
        for name, metrics in written.items()
    }


@dataclass
class Story:
    """What the runs of a story gave, one after another."""

    home: Path
    ends: list[subprocess.CompletedProcess[str]] = field(default_factory=list)
    stores: list[Snapshot] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
