"""Read a study, and read it again at the cost of what changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Run
from mlflow.exceptions import MlflowException

from tracking.commandline.errors import UserError
from tracking.connection.damage import RUN_ID, Unreadable, readable
from tracking.connection.runs import of_kind, parent_of
from tracking.records import StudyRecord, TrialRecord, UnreadableRecord
from tracking.schema import evaluation_layout, plan_layout, trial_layout


class StudyReader:
    """The records of one study, open for reading while another process writes them.

    A trial that has ended is read once. Whether its model is still kept can change later; a
    reader that has seen the trial does not notice.
    """

    def __init__(self, client: MlflowClient, experiment: str, name: str) -> None:
        self._client = client
        self.experiment = experiment
        self._name = name
        self._trials: dict[str, TrialRecord] = {}  # by run
        self._unreadable: dict[str, UnreadableRecord] = {}  # by run
        self._open: set[str] = set()  # runs that had not ended, or could not be read
        self._started = 0  # when the latest known run started, in milliseconds since 1970

    def read(self) -> StudyRecord:
        """Return the study as it is now; what cannot be read is left out, and named."""
        for run in list(self._changed()):
            self._read(run)
        parent = parent_of(self._client, self.experiment)
        if parent is None:
            raise UserError(
                f"the run of study {self._name} itself was deleted. Restore it in the MLflow UI."
            )
        simple_baselines, lost = readable(
            self._of_kind("simple baseline"),
            lambda run: trial_layout.read_simple_baseline(self._client, run),
        )
        study = StudyRecord(
            plan=replace(plan_layout.read_plan(self._client, parent), study=self._name),
            trials=tuple(sorted(self._trials.values(), key=lambda trial: trial.number)),
            simple_baselines=tuple(
                sorted(simple_baselines, key=lambda simple_baseline: simple_baseline.name)
            ),
            unreadable=(*self._unreadable.values(), *lost),
        )
        return evaluation_layout.with_evaluation(self._client, self.experiment, parent, study)

    def _read(self, run: Run) -> None:
        run_id = run.info.run_id
        self._forget(run_id)
        try:
            self._trials[run_id] = trial_layout.read_trial(self._client, run)
        except Unreadable as error:
            self._unreadable[run_id] = error.record
        self._started = max(self._started, run.info.start_time or 0)
        trial = self._trials.get(run_id)
        changes = trial is None or not trial.has_ended
        if changes and RUN_ID.fullmatch(run_id):
            self._open.add(run_id)

    def _forget(self, run_id: str) -> None:
        self._trials.pop(run_id, None)
        self._unreadable.pop(run_id, None)
        self._open.discard(run_id)

    def _changed(self) -> Iterator[Run]:
        for run_id in list(self._open):
            run = self._again(run_id)
            if run is None:
                self._forget(run_id)
            else:
                yield run
        known = self._trials.keys() | self._unreadable.keys()
        for run in self._of_kind("trial", f"attributes.start_time >= {self._started}"):
            if run.info.run_id not in known:
                yield run
        # One that its pruner had paused goes on, under the same run.
        for run in self._of_kind("trial", "attributes.status = 'RUNNING'"):
            if run.info.run_id in known - self._open:
                yield run

    def _again(self, run_id: str) -> Run | None:
        """Return a run as it is now; None if it was deleted."""
        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return run if run.info.lifecycle_stage == LifecycleStage.ACTIVE else None

    def _of_kind(self, kind: str, also: str = "") -> Iterator[Run]:
        return of_kind(self._client, self.experiment, kind, also)
