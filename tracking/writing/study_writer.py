"""The records of one study, open for writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from tracking.commandline.errors import UserError
from tracking.connection import disk
from tracking.connection.damage import readable
from tracking.connection.durable import unsynced
from tracking.connection.runs import of_kind
from tracking.models import kept_models
from tracking.records import (
    DataRecord,
    ResumedRecord,
    SimpleBaselineRecord,
    StudyRecord,
    TrialRecord,
    UnreadableRecord,
    Value,
    ranked,
)
from tracking.schema import evaluation_layout, plan_layout, trial_layout
from tracking.schema.condition import BEST_TRIAL, BUDGET_MET, HALF_SIMPLE_BASELINE, MOST_TRIALS
from tracking.writing import baseline_log, summary
from tracking.writing.monitor import Monitor
from tracking.writing.repair import repair
from tracking.writing.trial_log import TrialLog, start_run

_SECONDS = "study.seconds"  # a tag


class StudyStore:
    """The records of one study, open for writing. One process at a time has it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str, root: Path) -> None:
        self._client = client
        self._experiment = experiment
        self._parent = parent
        self._root = root
        self._trials: dict[int, TrialRecord] | None = None
        self._unreadable: list[UnreadableRecord] = []
        self._runs: list[Run] | None = None  # of trials, as they were read
        self._rest: StudyRecord | None = None  # what a search does not change
        self._is_summarized = False
        self._steps: list[Metric] = []  # of the summary, one a trial, not written yet

    @property
    def parent(self) -> str:
        """The id of the study's own run."""
        return self._parent

    @property
    def history(self) -> tuple[TrialRecord, ...]:
        """All trials, by number."""
        return tuple(self._by_number.values())

    def study(self) -> StudyRecord:
        """Return all that is recorded of the study, without reading the trials again."""
        if self._rest is None:
            parent = self._client.get_run(self._parent)
            runs = of_kind(self._client, self._experiment, "simple baseline")
            simple_baselines, lost = readable(
                runs, lambda run: trial_layout.read_simple_baseline(self._client, run)
            )
            plan = plan_layout.read_plan(self._client, parent)
            rest = StudyRecord(plan, (), tuple(simple_baselines), unreadable=tuple(lost))
            self._rest = evaluation_layout.with_evaluation(
                self._client, self._experiment, parent, rest
            )
        unreadable = (*self._unreadable, *self._rest.unreadable)
        return replace(self._rest, trials=self.history, unreadable=unreadable)

    def begin(self) -> None:
        """Mark the study as running; close or delete what an earlier process left half.

        Raises:
            UserError: if a trial cannot be read that may have the next number.
        """
        self._refuse_unreadable()
        self._client.update_run(self._parent, status="RUNNING")
        self._repair()

    def _refuse_unreadable(self) -> None:
        last = max(self._by_number, default=-1)
        for one in self._unreadable:
            if one.number is None or one.number > last:
                raise UserError(f"{one.sentence}.")

    def repair(self) -> list[str]:
        """Put the records right, as the next start of the study would do first.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        changed = self._repair()
        for trial in self.history:
            if trial.state == "running":
                TrialLog(self._client, trial.run_id).interrupt(
                    "its coordinator was killed", trial.trained_seconds
                )
                self.put(replace(trial, state="interrupted"))
                changed.append(f"trial {trial.number}: it was running, and is interrupted")
        return changed + self._mend_summary(mended=bool(changed))

    def _repair(self) -> list[str]:
        half = list(of_kind(self._client, self._experiment, HALF_SIMPLE_BASELINE))
        runs, self._runs = self._runs or self._trial_runs(), None
        changed = list(repair(self._client, half, runs))
        if changed:
            self._trials = None  # they are read again
        return changed

    def _mend_summary(self, *, mended: bool) -> list[str]:
        """Let the study's own run say how far it has come, and that nobody works on it."""
        changed = []
        study = self.study()
        parent = self._client.get_run(self._parent)
        best = str(study.candidates[0].number) if study.candidates else None
        if parent.data.tags.get(BEST_TRIAL) != best:
            changed.append(
                f"the best trial is {best}, and named so" if best else "no trial is named the best"
            )
        if parent.info.status == "RUNNING":
            changed.append("it was marked as running, and is marked as stopped")
            self.end(finished=False)
        elif changed or mended:
            self.update_summary()
            summary.write_trials(self._client, self._parent, study)
        return changed

    def set_limit(self, n_trials: int | None) -> None:
        """Write down how many trials may finish; None if that is not limited."""
        said = "" if n_trials is None else str(n_trials)
        self._client.set_tag(self._parent, BUDGET_MET, "False")
        self._client.set_tag(self._parent, MOST_TRIALS, said)

    def mark_finished(self) -> None:
        """Write down that the study ends because all its trials have finished."""
        self._client.set_tag(self._parent, BUDGET_MET, "True")

    def seconds_spent(self) -> float:
        """Return the seconds that the study has taken, over all its sessions."""
        try:
            return float(self._client.get_run(self._parent).data.tags.get(_SECONDS, 0))
        except ValueError:  # it was edited
            return 0.0

    def spend(self, seconds: float) -> None:
        """Write down how many seconds the study has taken by now."""
        with unsynced():
            self._client.set_tag(self._parent, _SECONDS, repr(seconds))

    def open_trial(
        self,
        number: int,
        family: str,
        params: Mapping[str, Value],
        *,
        seed: int,
        proposed_by: str,
        data: DataRecord,
        sampler_state: Mapping[str, Any] | None = None,
        n_threads: int | None = None,
        is_here: bool = True,
    ) -> TrialLog:
        """Start the record of a trial.

        Args:
            n_threads: of TensorFlow in its process; None leaves it to it.
            is_here: whether it runs on this machine, whose load is then recorded.
        """
        state = sampler_state or {}
        run = start_run(
            self._client,
            self._experiment,
            f"trial-{number:04d}-{family}",
            self._parent,
            trial_layout.trial_tags(number, family, seed, proposed_by, state),
            params,
            data,
            n_threads,
        )
        run_id = run.info.run_id
        trial = TrialRecord(
            number=number,
            family=family,
            proposed_by=proposed_by,
            params=params,
            seed=seed,
            state="running",
            reason="",
            seconds=0.0,
            epochs=(),
            score=None,
            run_id=run_id,
            model=False,
            sampler_state=state,
        )
        self.put(trial)
        return TrialLog(self._client, run_id, data.classes, self._monitor(run_id, is_here))

    def continue_trial(
        self,
        trial: TrialRecord,
        data: DataRecord,
        *,
        is_here: bool = True,
        epochs: int | None = None,
    ) -> TrialLog:
        """Open the record of a trial again that was stopped before its end, or goes on after it.

        Args:
            epochs: that one is to have in all which had finished.
        """
        run_id = trial.run_id
        # Of a session that was killed only its epochs tell how long it worked on the trial.
        before = trial.seconds if trial.state != "running" else 0.0
        seconds = max(before, trial.trained_seconds)
        if trial.has_ended:
            resumed = ResumedRecord(max(self._by_number) + 1, len(trial.epochs))
            trial = replace(trial, resumed=resumed)
            trial_layout.write_running(self._client, run_id, resumed=resumed, epochs=epochs)
        else:
            trial_layout.write_running(self._client, run_id)
        if epochs is not None:
            params = {**trial.params, "train.epochs": epochs}
            trial = replace(trial, params=params, continued_to=epochs)
        self.put(replace(trial, state="running", reason="", seconds=seconds))
        monitor = self._monitor(run_id, is_here, goes_on=True)
        log = TrialLog(self._client, run_id, data.classes, monitor, trial.epochs)
        if trial.score is None and kept_models.is_left(self._client, self._client.get_run(run_id)):
            log.drop_model()  # perhaps half of it: it is given again
        return log

    def read_again(self, number: int) -> TrialRecord:
        """Read a trial whose record was changed by more than is known here."""
        run = self._client.get_run(self.trial(number).run_id)
        self.put(trial_layout.read_trial(self._client, run))
        return self.trial(number)

    def _monitor(self, run_id: str, is_here: bool, *, goes_on: bool = False) -> Monitor | None:
        return Monitor(self._client, run_id, goes_on=goes_on) if is_here else None

    def trial(self, number: int) -> TrialRecord:
        """Return what is known of a trial."""
        return self._by_number[number]

    def put(self, trial: TrialRecord) -> None:
        """Remember what has been recorded of a trial; a new one has the highest number."""
        before = self._by_number.get(trial.number)
        self._by_number[trial.number] = trial
        if trial.has_ended and not (before is not None and before.has_ended):
            self._is_summarized = False
            self._steps += summary.numbers(self.study())

    def finalists(self) -> set[int | str]:
        """Return what search.evaluate has trained again, as RepeatRecord.of names it."""
        return {rerun.of for rerun in self.study().reruns}

    def release_reserve(self) -> None:
        """Make room for what remains to be recorded on a full disk."""
        disk.release(self._root)

    def simple_baselines(self) -> set[str]:
        """Name the simple baselines that are recorded."""
        return {
            run.info.run_name for run in of_kind(self._client, self._experiment, "simple baseline")
        }

    def write_simple_baseline(self, simple_baseline: SimpleBaselineRecord) -> None:
        """Write a simple baseline, whole or not at all."""
        baseline_log.write_simple_baseline(
            self._client, self._experiment, self._parent, simple_baseline
        )
        self._rest, self._is_summarized = None, False

    def update_summary(self) -> None:
        """Write how far the study has come, unless that has not changed."""
        if self._is_summarized:
            return
        study = self.study()
        with unsynced():
            steps = self._steps or summary.numbers(study)
            summary.write_summary(self._client, self._parent, study, steps)
        self._is_summarized, self._steps = True, []

    def drop_models(self, keep_models: int) -> None:
        """Delete the models of all but the best candidates, and the best of each family.

        Those are for an ensemble: one family may hold all the best, and it gains by others.
        """
        kept = ranked([trial for trial in self.history if trial.model])
        families: set[str] = set()
        for place, trial in enumerate(kept):
            is_kept = place < keep_models or trial.family not in families
            families.add(trial.family)
            if is_kept:
                continue
            TrialLog(self._client, trial.run_id).drop_model()
            self.put(replace(trial, model=False))

    def is_promising(self, ended: TrialRecord, accuracy: float, keep_models: int) -> bool:
        """Return whether a trial's model is to be kept, by what is known of the others."""
        better = [
            trial
            for trial in self._by_number.values()
            if trial.model
            and trial.score is not None
            and (trial.score.val_accuracy, -trial.number) > (accuracy, -ended.number)
        ]
        is_first = all(trial.family != ended.family for trial in better)
        return isfinite(accuracy) and (len(better) < keep_models or is_first)

    def end(self, *, finished: bool) -> None:
        """Mark the study as finished, or as stopped before its budget was met."""
        self.update_summary()
        summary.write_trials(self._client, self._parent, self.study())
        self._client.set_terminated(self._parent, "FINISHED" if finished else "KILLED")

    @property
    def _by_number(self) -> dict[int, TrialRecord]:
        if self._trials is None:
            self._runs = self._trial_runs()
            found, self._unreadable = readable(
                self._runs, lambda run: trial_layout.read_trial(self._client, run)
            )
            found.sort(key=lambda trial: trial.number)
            self._trials = {trial.number: trial for trial in found}
        return self._trials

    def _trial_runs(self) -> list[Run]:
        return list(of_kind(self._client, self._experiment, "trial"))
