"""The records of one study, open for writing."""

from __future__ import annotations

import time
from dataclasses import replace
from math import isfinite
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tracking import disk, finals_layout, layout, plan_layout, standing
from tracking.condition import BEST_TRIAL, BUDGET_MET, HALF_CONTROL, MOST_TRIALS
from tracking.monitor import Monitor
from tracking.records import (
    ControlRecord,
    DataRecord,
    StudyRecord,
    TrialRecord,
    Value,
)
from tracking.repair import repair
from tracking.runs import of_kind
from tracking.trial_log import TrialLog, start_run


class StudyStore:
    """The records of one study, open for writing. One process at a time has it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str, root: Path) -> None:
        self._client = client
        self._experiment = experiment
        self._root = root
        self.parent = parent
        self._trials: dict[str, TrialRecord] = {}  # by run
        self._earlier: StudyRecord | None = None
        # Runs that were written since they were read: at first, all.
        self._stale = {run.info.run_id for run in of_kind(client, experiment, "trial")}

    def numbers(self) -> set[int]:
        """Give the numbers of all trials that are recorded."""
        runs = of_kind(self._client, self._experiment, "trial")
        return {int(run.data.tags["trial.number"]) for run in runs}

    def knows(self, parent: str) -> bool:
        """Tell whether these records hold a study with this parent run, perhaps put aside."""
        try:
            self._client.get_run(parent)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def begin(self) -> dict[int, TrialRecord]:
        """Mark the study as running; close what an earlier process left open.

        Returns:
            all trials by number, none of them running.
        """
        self._client.update_run(self.parent, status="RUNNING")
        self.repair()
        return self.trials()

    def trials(self) -> dict[int, TrialRecord]:
        """Read all trials, by number."""
        recorded: dict[int, TrialRecord] = {}
        for run in of_kind(self._client, self._experiment, "trial"):
            trial = layout.read_trial(self._client, run)
            recorded[trial.number] = trial
            self._trials[trial.run_id] = _in_brief(trial)
        self._stale.clear()
        return dict(sorted(recorded.items()))

    def repair(self) -> list[str]:
        """Close what an earlier process left open, and delete what it left half.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        trials = list(of_kind(self._client, self._experiment, "trial"))
        self._stale.update(run.info.run_id for run in trials)
        half = of_kind(self._client, self._experiment, HALF_CONTROL)
        return list(repair(self._client, half, trials))

    def rest(self) -> list[str]:
        """Let the study's own run say how far it has come, and that nobody works on it.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        changed = []
        study = self._read()
        parent = self._client.get_run(self.parent)
        best = str(study.candidates[0].number) if study.candidates else None
        if parent.data.tags.get(BEST_TRIAL) != best:
            standing.write_standing(self._client, self.parent, study)
            changed.append(
                f"the best trial is {best}, and named so" if best else "no trial is named the best"
            )
        if parent.info.status == "RUNNING":
            self.end(finished=False)
            changed.append("it was marked as running, and is marked as stopped")
        return changed

    def allow(self, n_trials: int | None) -> None:
        """Write down how many trials may finish; None if that is not limited."""
        said = "" if n_trials is None else str(n_trials)
        self._client.set_tag(self.parent, BUDGET_MET, "False")
        self._client.set_tag(self.parent, MOST_TRIALS, said)

    def meet(self) -> None:
        """Write down that the study ends because all its trials have finished."""
        self._client.set_tag(self.parent, BUDGET_MET, "True")

    def open_trial(
        self,
        number: int,
        family: str,
        params: dict[str, Value],
        *,
        seed: int,
        origin: str,
        data: DataRecord,
        n_threads: int | None = None,
        is_here: bool = True,
    ) -> TrialLog:
        """Start the record of a trial.

        Args:
            n_threads: of TensorFlow in its process; None leaves it to it.
            is_here: whether it runs on this machine, whose load is then recorded.
        """
        run_id = start_run(
            self._client,
            self._experiment,
            f"trial-{number:04d}-{family}",
            self.parent,
            layout.trial_tags(number, family, seed, origin),
            params,
            data,
            n_threads,
        )
        monitor = Monitor(self._client, run_id) if is_here else None
        return TrialLog(self._client, run_id, data.classes, monitor, self._stale.add)

    def release_reserve(self) -> None:
        """Make room for what remains to be recorded on a full disk."""
        disk.release(self._root)

    def controls(self) -> set[str]:
        """Name the controls that are recorded."""
        return {run.info.run_name for run in of_kind(self._client, self._experiment, "control")}

    def write_control(self, control: ControlRecord) -> None:
        """Write a control, whole or not at all."""
        ended = int(time.time() * 1000)
        run = self._client.create_run(
            self._experiment,
            start_time=ended - round(1000 * control.seconds),
            run_name=control.name,
            tags={"kind": HALF_CONTROL, "mlflow.parentRunId": self.parent},
        )
        run_id = run.info.run_id
        plan = plan_layout.read_plan(self._client, self._client.get_run(self.parent))
        layout.write_score(self._client, run_id, control.score, plan.data.classes)
        self._client.set_terminated(run_id, end_time=ended)
        self._client.set_tag(run_id, "kind", "control")  # last: now it is whole
        self._earlier = None

    def take_stock(self, keep_models: int) -> None:
        """Write how far the study has come; delete the models of all but the best candidates."""
        study = self._read()
        standing.write_standing(self._client, self.parent, study)
        kept = [trial for trial in study.candidates if trial.model]
        for trial in kept[keep_models:]:
            TrialLog(self._client, trial.run_id).drop_model()
            self._stale.add(trial.run_id)

    def is_promising(self, number: int, accuracy: float, keep_models: int) -> bool:
        """Tell whether a trial's model is to be kept, by what is known of the others."""
        better = (
            trial.score is not None
            and (trial.score.val_accuracy, -trial.number) > (accuracy, -number)
            for trial in self._trials.values()
            if trial.model and not trial.void
        )
        return isfinite(accuracy) and sum(better) < keep_models

    def _read(self) -> StudyRecord:
        """Read the study: of its trials, those that were closed since the last time."""
        for run_id in self._stale:
            run = self._client.get_run(run_id)
            self._trials[run_id] = _in_brief(layout.read_trial(self._client, run))
        self._stale.clear()
        if self._earlier is None:
            self._earlier = self._read_rest()
        trials = sorted(self._trials.values(), key=lambda trial: trial.number)
        return replace(self._earlier, trials=tuple(trials))

    def _read_rest(self) -> StudyRecord:
        """Read what a search does not change: all but its trials."""
        parent = self._client.get_run(self.parent)
        runs = of_kind(self._client, self._experiment, "control")
        controls = tuple(layout.read_control(self._client, run) for run in runs)
        study = StudyRecord(plan_layout.read_plan(self._client, parent), (), controls)
        return finals_layout.with_finals(self._client, self._experiment, parent, study)

    def end(self, *, finished: bool) -> None:
        """Mark the study as finished, or as stopped before its budget was met."""
        standing.write_trials(self._client, self.parent, self._read().trials)
        self._client.set_terminated(self.parent, "FINISHED" if finished else "KILLED")


def _in_brief(trial: TrialRecord) -> TrialRecord:
    """Keep what the standing is made of: thousands of trials are held at once."""
    score = trial.score and replace(trial.score, confusion=(), mistakes=())
    return replace(trial, epochs=(), summary="", score=score)
