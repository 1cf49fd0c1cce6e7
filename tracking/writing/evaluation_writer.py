"""The final evaluation of one study, open for writing: reruns, ranking, test evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.connection import files
from tracking.connection.damage import Unreadable
from tracking.connection.runs import of_kind
from tracking.records import (
    DataRecord,
    PruningAuditRecord,
    RankingRecord,
    RerunRecord,
    Role,
    SealedEvaluationRecord,
    SealItemRecord,
    SealRecord,
    StudyRecord,
    Value,
)
from tracking.schema import environment, epochs_layout, evaluation_layout, trial_layout
from tracking.schema.evaluation_layout import (
    AUDIT,
    HALF_EVALUATION,
    MODEL,
    PREDICTIONS,
    RERUN,
    TEST_EVALUATION,
    TRAININGS,
)
from tracking.schema.wholeness import torn_files
from tracking.writing import summary
from tracking.writing.monitor import Monitor
from tracking.writing.trial_log import TrialLog, start_run


class EvaluationWriter:
    """One process at a time has it, and no search of the same study runs beside it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str) -> None:
        self._client = client
        self._experiment = experiment
        self._parent = parent

    def begin(self) -> list[str]:
        """Close what an earlier process left open; a seal that was not whole saw nothing.

        Returns:
            what was changed, a sentence each. Doing it twice changes nothing.
        """
        changed = []
        for half in self._runs(HALF_EVALUATION):
            self._client.delete_run(half.info.run_id)
            changed.append(f"{half.info.run_name} was half sealed, and is deleted")
        for run in [run for kind in TRAININGS for run in self._runs(kind)]:
            with suppress(Unreadable):  # it is left as it is, and named by whoever reads the study
                changed += self._close(run)
        return changed

    def _is_half(self, run: Run) -> bool:
        """Return whether a kill left a rerun without its parameters, which come last.

        Those of a simple baseline are none: it is trained from the start in any case.
        """
        is_open = trial_layout.read_state(run) in ("running", "interrupted")
        has_begun = bool(run.data.params) or "seconds" in run.data.metrics
        return is_open and not has_begun and run.data.tags.get("rerun.role") != "simple baseline"

    def _close(self, run: Run) -> list[str]:
        """Close a rerun that an earlier process left open: it will be continued."""
        if self._is_half(run):  # it would be continued with other values than it has
            self._client.delete_run(run.info.run_id)
            return [f"{run.info.run_name} was half begun, and is deleted"]
        changed = []
        run_id = run.info.run_id
        state = trial_layout.read_state(run)
        if state == "running":
            ended = epochs_layout.last_sign_of_life(self._client, run)
            epochs = epochs_layout.read_epochs(self._client, run, ended=False)
            log = TrialLog(self._client, run_id)
            seconds = sum(epoch.seconds for epoch in epochs)
            log.interrupt("its coordinator was killed", seconds, ended)
            changed.append(f"{run.info.run_name} was running, and is interrupted")
        elif run.info.status == "RUNNING":  # killed between the last two writes
            self._client.set_terminated(run_id, trial_layout.STATUS[state])
            changed.append(f"{run.info.run_name} was marked as running, and is closed")
        if trial_layout.read_state(self._client.get_run(run_id)) == "interrupted":
            changed += self._delete_files(run)
        return changed

    def _delete_files(self, run: Run) -> list[str]:
        """Delete what a rerun that was interrupted has left, perhaps half of it."""
        found = {MODEL, PREDICTIONS}
        found &= set(files.names(self._client, run))
        found |= set(torn_files(self._client, run))
        for name in sorted(found):
            files.delete(self._client, run, name)
        return [f"{name} of {run.info.run_name} was deleted" for name in sorted(found)]

    def reruns(self) -> tuple[RerunRecord, ...]:
        return evaluation_layout.read_reruns(self._client, self._experiment)[0]

    def audits(self) -> tuple[RerunRecord, ...]:
        """Return the pruned trials that were trained to their end, or are to be."""
        return evaluation_layout.read_reruns(self._client, self._experiment, AUDIT)[0]

    def open_rerun(
        self,
        role: Role,
        of: int | str,
        index: int,
        params: Mapping[str, Value],
        *,
        seed: int,
        parent: str | None,
        data: DataRecord,
    ) -> TrialLog:
        """Start the record of a rerun.

        Args:
            parent: the run of the trial that is repeated; None where there is none.
        """
        number = f"trial-{of:04d}" if isinstance(of, int) else of
        run = start_run(
            self._client,
            self._experiment,
            f"audit-of-{number}" if role == "pruned" else f"rerun-{index}-of-{number}",
            parent or self._parent,
            evaluation_layout.rerun_tags(role, of, index, seed),
            params,
            data,
        )
        run_id = run.info.run_id
        return TrialLog(self._client, run_id, data.classes, Monitor(self._client, run_id))

    def continue_rerun(self, rerun: RerunRecord, data: DataRecord) -> TrialLog:
        """Open the record of a rerun again that was stopped before its end."""
        trial_layout.write_running(self._client, rerun.run_id)
        monitor = Monitor(self._client, rerun.run_id, goes_on=True)
        return TrialLog(self._client, rerun.run_id, data.classes, monitor, rerun.epochs)

    def model(self, run_id: str) -> Path:
        """The model file of a rerun."""
        return self._file(run_id, MODEL)

    def predictions(self, run_id: str) -> Path:
        """The probabilities of the validation texts that a rerun gave, as an array."""
        return self._file(run_id, PREDICTIONS)

    def drop_models(self, kept: Sequence[str]) -> None:
        """Delete the model files of all reruns but those of these runs."""
        for run in self._runs(RERUN):
            if run.info.run_id not in kept:
                files.delete(self._client, run, MODEL)

    def delete_rerun(self, run_id: str) -> None:
        """Delete a rerun whose model is needed and was deleted: it is trained again."""
        self._client.delete_run(run_id)

    def write_ranking(self, final_ranking: RankingRecord) -> None:
        evaluation_layout.write_ranking(self._client, self._parent, final_ranking)

    def write_audit(self, audit: PruningAuditRecord) -> None:
        evaluation_layout.write_audit(self._client, self._parent, audit)

    def unopened(self) -> SealRecord | None:
        """Return a test evaluation that was sealed and then cut short; it is finished first."""
        for run in self._runs(TEST_EVALUATION):
            if evaluation_layout.is_unfinished(run):
                return evaluation_layout.read_seal(self._client, run)
        return None

    def seals(self) -> list[SealRecord]:
        """Return every test evaluation that was begun, the first first."""
        found = [
            evaluation_layout.read_seal(self._client, run) for run in self._runs(TEST_EVALUATION)
        ]
        return sorted(found, key=lambda seal: seal.n)

    def seal(self, items: Sequence[SealItemRecord]) -> SealRecord:
        """Record that a test evaluation is being made, by whom and of what. It counts now."""
        n = 1 + len(self._runs(TEST_EVALUATION))
        tags = {"kind": HALF_EVALUATION, "mlflow.parentRunId": self._parent}
        run = self._client.create_run(self._experiment, run_name=f"test-evaluation-{n}", tags=tags)
        record = SealRecord(
            n=n,
            who=environment.who(),
            sealed_at=datetime.now(UTC).isoformat(timespec="seconds"),
            commit=environment.code().commit,
            items=tuple(items),
            run_id=run.info.run_id,
        )
        evaluation_layout.write_seal(self._client, run.info.run_id, record)
        return record

    def write_evaluations(
        self, seal: SealRecord, evaluations: Sequence[SealedEvaluationRecord]
    ) -> None:
        """Write what a sealed test evaluation saw."""
        evaluation_layout.write_evaluations(self._client, seal.run_id, evaluations)
        self._client.set_terminated(seal.run_id)

    def abandon(self, seal: SealRecord) -> None:
        """Give up a sealed test evaluation whose models have changed. It still counts."""
        evaluation_layout.abandon(self._client, seal.run_id)
        self._client.set_terminated(seal.run_id, "FAILED")

    def write_note(self, study: StudyRecord) -> None:
        """Put the verdict where the MLflow UI shows it."""
        self._client.set_tag(self._parent, "mlflow.note.content", summary.note(study))

    def _runs(self, kind: str) -> list[Run]:
        return list(of_kind(self._client, self._experiment, kind))

    def _file(self, run_id: str, name: str) -> Path:
        return files.fetch(self._client, self._client.get_run(run_id), name)
