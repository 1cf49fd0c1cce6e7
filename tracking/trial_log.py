"""The record of one trial, being written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from tracking import environment, epochs_layout, layout, models, params_layout, plan_layout
from tracking.durable import unsynced
from tracking.monitor import Monitor
from tracking.records import (
    DataRecord,
    EpochRecord,
    LookRecord,
    RungRecord,
    ScoreRecord,
    State,
    TrialRecord,
    Value,
)

_MOST_UNWRITTEN = 500  # numbers; MLflow refuses more than 1,000 at once


def start_run(
    client: MlflowClient,
    experiment: str,
    name: str,
    parent: str,
    tags: Mapping[str, str],
    params: Mapping[str, Value],
    data: DataRecord,
    n_threads: int | None = None,
) -> Run:
    """Start the run of a training, with all that is known before it."""
    code = environment.code()
    machine = environment.machine()
    if n_threads is not None:
        machine = {**machine, "n_threads": n_threads}
    with unsynced():  # the trial's end takes it all to the disk
        run = client.create_run(
            experiment,
            run_name=name,
            tags={
                "mlflow.parentRunId": parent,
                **tags,
                **layout.lineage_tags(code),
                **plan_layout.data_tags(data),
            },
        )
        run_id = run.info.run_id
        client.log_inputs(run_id, [plan_layout.data_input(data)])
        params_layout.write_params(client, run_id, params)
        client.log_dict(run_id, machine, "environment.json")
        if code.diff:
            client.log_text(run_id, code.diff, "code.diff")
    return run


def begun_trial(
    number: int, family: str, params: dict[str, Value], *, seed: int, origin: str, run_id: str
) -> TrialRecord:
    """Give the record of a trial of which nothing has come yet."""
    return TrialRecord(
        number=number,
        family=family,
        origin=origin,
        params=params,
        seed=seed,
        state="running",
        void=False,
        reason="",
        seconds=0.0,
        epochs=(),
        score=None,
        run_id=run_id,
        model=False,
    )


class TrialLog:
    """The record of one trial, being written.

    Args:
        closed: is told when it is, with the whole record if it was begun here.
        begun: when that was, in milliseconds since 1970, and the trial as it was then.
        known: what an earlier process wrote of it, which is not written twice.
        lags: whether epochs may be written later, by `catch_up` or with the trial's end. A trial
            that outlives us says each only once, so must not train on before it is written.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        classes: Sequence[str] = (),
        monitor: Monitor | None = None,
        closed: Callable[[str, TrialRecord | None], None] = lambda run_id, trial: None,
        begun: tuple[int, TrialRecord] | None = None,
        known: TrialRecord | None = None,
        lags: bool = False,
    ) -> None:
        self._client = client
        self.run_id = run_id
        self._classes = classes
        self._monitor = monitor
        self._closed = closed
        self._begun = begun
        self._known: dict[str, Any] = {}  # what has come since
        self._rows: list[EpochRecord] = list(known.epochs) if known else []
        self._rung = known.rung if known else None
        self._lags = lags
        self._unwritten: list[Metric] = []  # numbers of epochs

    @property
    def n_unwritten(self) -> int:
        """How many numbers of epochs are not written yet."""
        return len(self._unwritten)

    def epoch(self, record: EpochRecord) -> None:
        """Write an epoch, all its numbers at once, or leave it to `catch_up`."""
        if any(row.epoch == record.epoch for row in self._rows):
            return
        self._rows.append(record)
        self._unwritten += epochs_layout.numbers(record)
        if not self._lags or len(self._unwritten) > _MOST_UNWRITTEN:
            self.catch_up()

    def catch_up(self) -> None:
        """Write the epochs that are not written yet."""
        with unsynced():
            self._client.log_batch(self.run_id, metrics=self._unwritten)
        self._unwritten = []

    def rung(self, record: RungRecord) -> None:
        """Write a look at the trial within its first epoch."""
        if self._rung is not None:
            return
        self._rung = self._known["rung"] = record
        with unsynced():
            epochs_layout.write_rung(self._client, self.run_id, record)

    def keep_model(self, model: Path, epoch: int, loader: str) -> None:
        """Keep the model with the trial (tracking.models)."""
        with unsynced():
            models.keep(self._client, self.run_id, model, self._classes, epoch, loader)
        self._known["model"] = True

    def keep_files(self, *files: Path) -> None:
        """Put those of the files with the trial that are there and not empty."""
        with unsynced():
            for file in files:
                if file.is_file() and file.stat().st_size:
                    self._client.log_artifact(self.run_id, str(file))

    def look(self, record: LookRecord) -> None:
        """Write down that the test set was looked at, and what was seen."""
        self._known["look"] = record
        layout.write_look(self._client, self.run_id, record)

    def drop_model(self) -> None:
        """Delete the trial's model file."""
        run = self._client.get_run(self.run_id)
        with unsynced():  # what a power cut takes back of it, the next start does again
            models.drop(self._client, run)

    def leave(self) -> None:
        """Write nothing more of it: another process goes on."""
        if self._monitor is not None:
            self._monitor.stop()

    def close(
        self,
        state: State,
        score: ScoreRecord | None,
        *,
        reason: str,
        void: bool,
        died: bool = False,
        ended: int | None = None,
    ) -> None:
        """Write the outcome, its state last.

        Args:
            ended: when, in milliseconds since 1970; None is now.
        """
        ended = ended or int(time.time() * 1000)
        outcome: dict[str, Any] = {"state": state, "score": score, "void": void, "died": died}
        if self._monitor is not None:
            self._monitor.stop()
        with unsynced():
            if self._rows:
                epochs_layout.write_curves(self._client, self.run_id, self._rows)
            layout.write_outcome(
                self._client,
                self.run_id,
                epochs=self._rows,
                unwritten=self._unwritten,
                classes=self._classes,
                reason=reason,
                **outcome,
            )
        self._client.set_terminated(self.run_id, layout.STATUS[state], ended)
        trial = None
        if self._begun is not None:
            began, trial = self._begun
            self._known |= {**outcome, "reason": layout.cut(reason)}
            trial = replace(trial, seconds=(ended - began) / 1000, **self._known)
        self._closed(self.run_id, trial)
