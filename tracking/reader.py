"""Read a study, and read it again at the cost of what changed since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking import finals_layout, layout, plan_layout
from tracking.records import StudyRecord, TrialRecord
from tracking.runs import of_kind, parent_of


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
        self._open: set[str] = set()  # runs that had not ended when they were read
        self._started = 0  # when the latest known run started, in milliseconds since 1970

    def read(self) -> StudyRecord:
        """Give the study as it is now."""
        for run in list(self._changed()):
            run_id = run.info.run_id
            self._trials[run_id] = layout.read_trial(self._client, run)
            self._started = max(self._started, run.info.start_time)
            (self._open.add if run.info.status == "RUNNING" else self._open.discard)(run_id)
        parent = parent_of(self._client, self.experiment)
        assert parent is not None
        controls = [layout.read_control(self._client, run) for run in self._of_kind("control")]
        study = StudyRecord(
            plan=replace(plan_layout.read_plan(self._client, parent), study=self._name),
            trials=tuple(sorted(self._trials.values(), key=lambda trial: trial.number)),
            controls=tuple(sorted(controls, key=lambda control: control.name)),
        )
        return finals_layout.with_finals(self._client, self.experiment, parent, study)

    def _changed(self) -> Iterator[Run]:
        for run_id in self._open:
            yield self._client.get_run(run_id)
        for run in self._of_kind("trial", f"attributes.start_time >= {self._started}"):
            if run.info.run_id not in self._trials:
                yield run

    def _of_kind(self, kind: str, also: str = "") -> Iterator[Run]:
        return of_kind(self._client, self.experiment, kind, also)
