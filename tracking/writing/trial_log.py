"""The record of one trial, being written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.connection.durable import unsynced
from tracking.models import kept_models
from tracking.records import (
    DataRecord,
    EpochRecord,
    EvaluationRecord,
    RungRecord,
    ScoreRecord,
    SourceRecord,
    State,
    Value,
)
from tracking.schema import environment, epochs_layout, params_layout, plan_layout, trial_layout
from tracking.writing.monitor import Monitor


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
    """Start the run of a training, with all that is known before it.

    Its parameters come last: a run without them is half a one (tracking/writing/repair.py).
    """
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
                **trial_layout.lineage_tags(code),
                **plan_layout.data_tags(data),
                **plan_layout.array_tags(data.arrays_of(params)),
            },
        )
        run_id = run.info.run_id
        client.log_inputs(run_id, [plan_layout.data_input(data)])
        client.log_dict(run_id, machine, "environment.json")
        if code.diff:
            client.log_text(run_id, code.diff, "code.diff")
        params_layout.write_params(client, run_id, params)
    return run


class TrialLog:
    """The record of one training, being written.

    Args:
        classes: of the data, in the order of their numbers.
        epochs: that were recorded before a stop; none of them is recorded again.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        classes: Sequence[str] = (),
        monitor: Monitor | None = None,
        epochs: Sequence[EpochRecord] = (),
    ) -> None:
        self._client = client
        self.run_id = run_id
        self._classes = classes
        self._monitor = monitor
        self._epochs = list(epochs)

    @property
    def epochs(self) -> tuple[EpochRecord, ...]:
        """All epochs that are recorded."""
        return tuple(self._epochs)

    def epoch(self, record: EpochRecord) -> bool:
        """Record an epoch, all its numbers at once; return whether it was not recorded before."""
        if any(known.epoch == record.epoch for known in self._epochs):
            return False
        with unsynced():
            numbers = epochs_layout.numbers(record)
            self._client.log_batch(self.run_id, metrics=numbers)
        self._epochs.append(record)
        return True

    def rung(self, record: RungRecord) -> None:
        """Record how the trial did within its first epoch."""
        with unsynced():
            epochs_layout.write_rung(self._client, self.run_id, record)

    def death(self, deaths: int) -> None:
        """Record how often the process of the training has died."""
        self._client.set_tag(self.run_id, trial_layout.DEATHS, str(deaths))

    def keep_model(
        self, model: Path, epoch: int, loader: str, source: SourceRecord | None = None
    ) -> None:
        """Keep the model with the trial (tracking.models.kept_models)."""
        with unsynced():
            kept_models.keep(
                self._client, self.run_id, model, self._classes, epoch, loader, source
            )

    def keep_files(self, *files: Path) -> None:
        """Put those of the files with the trial that are there and not empty."""
        with unsynced():
            for file in files:
                if file.is_file() and file.stat().st_size:
                    self._client.log_artifact(self.run_id, str(file))

    def evaluation(self, record: EvaluationRecord) -> None:
        """Record that the test set was used, and what was seen."""
        trial_layout.write_evaluation(self._client, self.run_id, record)

    def drop_model(self) -> None:
        """Delete the trial's model file."""
        run = self._client.get_run(self.run_id)
        with unsynced():  # what a power cut takes back of it, the next start does again
            kept_models.drop(self._client, run)

    def interrupt(self, reason: str, seconds: float, ended: int | None = None) -> None:
        """Record that the training was stopped before its end, to be continued.

        Args:
            seconds: that it has been under way, over all its sessions.
            ended: when, in milliseconds since 1970; None is now.
        """
        self._stop_monitor()
        trial_layout.write_interrupted(self._client, self.run_id, reason, seconds)
        self._client.set_terminated(self.run_id, trial_layout.STATUS["interrupted"], ended)

    def mark_told(self) -> None:
        """Record that the numbers to come are of a training elsewhere, and may be fewer."""
        self._client.set_tag(self.run_id, trial_layout.TOLD, "True")

    def close(
        self,
        state: State,
        score: ScoreRecord | None,
        *,
        reason: str,
        seconds: float,
        continued_to: int | None = None,
    ) -> int:
        """Record the outcome, its state last; return when, in milliseconds since 1970.

        Args:
            seconds: that it was under way, over all its sessions.
            continued_to: the epochs that it was given when it had finished before.
        """
        ended = int(time.time() * 1000)
        self._stop_monitor()
        with unsynced():
            if self._epochs:
                epochs_layout.write_curves(self._client, self.run_id, self._epochs)
            trial_layout.write_outcome(
                self._client,
                self.run_id,
                state,
                score,
                epochs=self._epochs,
                classes=self._classes,
                reason=reason,
                seconds=seconds,
                continued_to=continued_to,
            )
        self._client.set_terminated(self.run_id, trial_layout.STATUS[state], ended)
        return ended

    def _stop_monitor(self) -> None:
        if self._monitor is not None:
            self._monitor.stop()
