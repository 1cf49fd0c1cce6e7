"""The records of one study, open for writing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from math import isfinite
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tracking import control_log, disk, finals_layout, layout, models, plan_layout, standing
from tracking.condition import BEST_TRIAL, BUDGET_MET, HALF_CONTROL, MOST_TRIALS
from tracking.damage import RUN_ID, readable
from tracking.durable import unsynced
from tracking.ends import Ends
from tracking.monitor import Monitor
from tracking.records import (
    ControlRecord,
    DataRecord,
    StudyRecord,
    TrialRecord,
    Value,
    ranked,
)
from tracking.repair import repair
from tracking.runs import of_kind
from tracking.trial_log import TrialLog, begun_trial, start_run

_MANY = 100  # trials; from then on many can end within a second
_TELL_SECONDS = 1.0


class StudyStore:
    """The records of one study, open for writing. One process at a time has it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str, root: Path) -> None:
        self._client = client
        self._experiment = experiment
        self._root = root
        self.parent = parent
        self._ends: Ends | None = None
        self._earlier: StudyRecord | None = None
        self._told_at = -_TELL_SECONDS  # when it was written how far the study has come
        self._untold = False  # whether it has come farther since
        # Runs that were written since they were read: at first, all.
        self._stale = _ids(of_kind(client, experiment, "trial"))

    def numbers(self) -> set[int]:
        """Give the numbers of all trials that are recorded, as far as they can be read."""
        runs = of_kind(self._client, self._experiment, "trial")
        return set(readable(runs, layout.read_number)[0])

    def knows(self, parent: str) -> bool:
        """Tell whether these records hold a study with this parent run, perhaps put aside."""
        try:
            self._client.get_run(parent)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def under_way(self) -> dict[int, TrialRecord]:
        """Read the trials that have not ended, by number."""
        running = "tags.`trial.state` = 'running'"
        runs = of_kind(self._client, self._experiment, "trial", running)
        found, _ = readable(runs, self._read_trial)
        return {trial.number: trial for trial in found}

    def begin(self, adopted: Collection[int] = ()) -> dict[int, TrialRecord]:
        """Mark the study as running; close what an earlier process left open.

        Args:
            adopted: numbers of the trials that go on.

        Returns:
            all trials by number, none but these running.
        """
        self._client.update_run(self.parent, status="RUNNING")
        self.repair(adopted)
        return self.trials()

    def trials(self) -> dict[int, TrialRecord]:
        """Read all trials, by number; those that cannot be read are left out."""
        recorded: dict[int, TrialRecord] = {}
        runs = of_kind(self._client, self._experiment, "trial")
        for trial in readable(runs, self._read_trial)[0]:
            recorded[trial.number] = trial
            self._known.put(trial)
        self._stale.clear()
        return dict(sorted(recorded.items()))

    def repair(self, adopted: Collection[int] = ()) -> list[str]:
        """Close what an earlier process left open, and delete what it left half.

        Args:
            adopted: numbers of the trials that go on, which are left as they are.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        trials = list(of_kind(self._client, self._experiment, "trial"))
        self._stale |= _ids(trials)
        half = of_kind(self._client, self._experiment, HALF_CONTROL)
        going_on = {str(number) for number in adopted}
        left = [run for run in trials if run.data.tags.get("trial.number") not in going_on]
        return list(repair(self._client, half, left))

    def rest(self, *, mended: bool) -> list[str]:
        """Let the study's own run say how far it has come, and that nobody works on it.

        Args:
            mended: whether a trial has changed since the table of all trials was written.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        changed = []
        study = self._read()
        parent = self._client.get_run(self.parent)
        best = str(study.candidates[0].number) if study.candidates else None
        if parent.data.tags.get(BEST_TRIAL) != best:
            standing.write_standing(self._client, self.parent, study, self._known)
            changed.append(
                f"the best trial is {best}, and named so" if best else "no trial is named the best"
            )
        if parent.info.status == "RUNNING":
            self.end(finished=False)
            changed.append("it was marked as running, and is marked as stopped")
        elif mended:
            self._write_table()
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
        lags: bool = False,
    ) -> TrialLog:
        """Start the record of a trial.

        Args:
            n_threads: of TensorFlow in its process; None leaves it to it.
            is_here: whether it runs on this machine, whose load is then recorded.
            lags: whether its epochs may be written later.
        """
        run = start_run(
            self._client,
            self._experiment,
            f"trial-{number:04d}-{family}",
            self.parent,
            layout.trial_tags(number, family, seed, origin),
            params,
            data,
            n_threads,
        )
        run_id = run.info.run_id
        monitor = Monitor(self._client, run_id) if is_here else None
        trial = begun_trial(number, family, params, seed=seed, origin=origin, run_id=run_id)
        begun = run.info.start_time, trial
        whole = (data.classes, monitor, self._closed, begun)
        return TrialLog(self._client, run_id, *whole, lags=lags)

    def reopen_trial(self, trial: TrialRecord, data: DataRecord) -> TrialLog:
        """Go on with the record of a trial on this machine that an earlier coordinator began."""
        run_id = trial.run_id
        monitor = Monitor(self._client, run_id, goes_on=True)
        log = TrialLog(self._client, run_id, data.classes, monitor, self._closed, known=trial)
        if models.is_left(self._client, self._client.get_run(run_id)):
            log.drop_model()  # perhaps half of it: it is given again
        return log

    def release_reserve(self) -> None:
        """Make room for what remains to be recorded on a full disk."""
        disk.release(self._root)

    def controls(self) -> set[str]:
        """Name the controls that are recorded."""
        return {run.info.run_name for run in of_kind(self._client, self._experiment, "control")}

    def write_control(self, control: ControlRecord) -> None:
        """Write a control, whole or not at all."""
        control_log.write_control(self._client, self._experiment, self.parent, control)
        self._earlier = None

    def take_stock(self, keep_models: int) -> None:
        """Write how far the study has come; delete the models of all but the best candidates.

        Of many trials, how far it has come is written once a second, and at the end.
        """
        self._read_stale()
        waited = time.monotonic() - self._told_at
        if len(self._known) <= _MANY or waited >= _TELL_SECONDS:
            self._tell()
        kept = [trial for trial in self._known.kept.values() if trial.model]
        for trial in ranked(kept)[keep_models:]:
            TrialLog(self._client, trial.run_id).drop_model()
            self._known.put(replace(trial, model=False))

    def is_promising(self, number: int, accuracy: float, keep_models: int) -> bool:
        """Tell whether a trial's model is to be kept, by what is known of the others."""
        better = (
            trial.score is not None
            and (trial.score.val_accuracy, -trial.number) > (accuracy, -number)
            for trial in self._known.kept.values()
            if trial.model and not trial.void
        )
        return isfinite(accuracy) and sum(better) < keep_models

    def _closed(self, run_id: str, trial: TrialRecord | None) -> None:
        """Know a trial that was closed, or that it is to be read."""
        self._untold = True
        if trial is None:
            self._stale.add(run_id)
        else:
            self._known.put(trial)

    def _tell(self) -> None:
        """Write how far the study has come."""
        self._told_at, self._untold = time.monotonic(), False
        with unsynced():
            standing.write_standing(self._client, self.parent, self._read(), self._known)

    def _read(self) -> StudyRecord:
        """Read the study, with those of its trials that may be named."""
        self._read_stale()
        by_number = sorted(self._known.kept.values(), key=lambda trial: trial.number)
        return replace(self._without_trials, trials=tuple(by_number))

    @property
    def _known(self) -> Ends:
        if self._ends is None:
            study = self._without_trials
            again, looked_at = study.repeats, study.final_looks
            self._ends = Ends({*(one.of for one in again), *(one.of for one in looked_at)})
        return self._ends

    @property
    def _without_trials(self) -> StudyRecord:
        if self._earlier is None:
            self._earlier = self._read_rest()
        return self._earlier

    def _read_stale(self) -> None:
        runs = map(self._client.get_run, self._stale)
        for trial in readable(runs, self._read_trial)[0]:
            self._known.put(trial)
        self._stale.clear()

    def _read_trial(self, run: Run) -> TrialRecord:
        return layout.read_trial(self._client, run)

    def _read_rest(self) -> StudyRecord:
        """Read what a search does not change: all but its trials."""
        parent = self._client.get_run(self.parent)
        runs = of_kind(self._client, self._experiment, "control")
        controls, _ = readable(runs, lambda run: layout.read_control(self._client, run))
        study = StudyRecord(plan_layout.read_plan(self._client, parent), (), tuple(controls))
        return finals_layout.with_finals(self._client, self._experiment, parent, study)

    def end(self, *, finished: bool) -> None:
        """Mark the study as finished, or as stopped before its budget was met."""
        if self._untold:
            self._tell()
        self._write_table()
        self._client.set_terminated(self.parent, "FINISHED" if finished else "KILLED")

    def _write_table(self) -> None:
        self._read_stale()
        standing.write_trials(self._client, self.parent, self._known.rows)


def _ids(runs: Iterable[Run]) -> set[str]:
    """Give the ids of runs; what MLflow takes for none is left out, as it cannot be read."""
    return {run.info.run_id for run in runs if RUN_ID.fullmatch(run.info.run_id)}
