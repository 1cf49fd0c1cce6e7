"""Write records to MLflow and read them back: the one door to MLflow.

In MLflow a study is one experiment. It holds one parent run, however often the study is resumed,
a child run for each trial, and a run for the baseline, so that the UI's own charts show its line.

    complete -> FINISHED    pruned -> KILLED    failed -> FAILED, each with the tag trial.state
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from tracking import environment
from tracking.cli import UserError, unknown
from tracking.records import (
    ControlRecord,
    DataRecord,
    EpochRecord,
    LookRecord,
    PlanRecord,
    ScoreRecord,
    State,
    StudyRecord,
    TrialRecord,
    Value,
)

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from tracking import layout, setup

for _chatty in ("mlflow", "alembic"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

_PAGE = 1_000
_HALF_CONTROL = "half a control"  # what it is called until it is whole


def home() -> Path:
    """The folder of all records: SEQSEARCH_MLRUNS, or `mlruns` where the program was started."""
    return Path(os.environ.get("SEQSEARCH_MLRUNS") or "mlruns").absolute()


def database(root: Path) -> Path:
    return root / "mlflow.db"


def open_study(root: Path, plan: PlanRecord, *, fresh: bool) -> StudyStore:
    """Open a study for writing, and make it if it is new.

    Args:
        fresh: put the study's earlier records aside, under a name with the time, and start anew.

    Raises:
        UserError: if the records are of other data or another seed.
    """
    root.mkdir(parents=True, exist_ok=True)
    # Four processes that make one SQLite file at once corrupt it.
    with FileLock(root / "mlflow.lock"):
        setup.create_database(database(root))
        client = _client(root)
        experiment = setup.open_experiment(client, root, plan.study, fresh=fresh)
        parent = _parent(client, experiment) or setup.create_parent(client, experiment, plan)
    recorded = layout.read_plan(parent)
    _refuse_other(recorded, plan)
    if recorded != plan:  # other limits of the search: the latest are those on record
        layout.write_plan(client, parent.info.run_id, plan)
    return StudyStore(client, experiment, parent.info.run_id)


def read_study(root: Path, name: str) -> StudyRecord:
    """Read all that is recorded of a study.

    The name of a plan does for its only study: `lstm` for `lstm-smoke`, if that is all there is.

    Raises:
        UserError: if there is no such study.
    """
    known = studies(root)
    if name not in known:
        # What --fresh put aside has another name than its plan says, and is not meant here.
        of_plan = [s for s, plan in known.items() if plan.plan == name and plan.study == s]
        if len(of_plan) != 1:
            raise unknown("study", name, known)
        name = of_plan[0]
    client = _client(root)
    experiment = _experiment(client, name)
    trials = [layout.read_trial(client, run) for run in _runs(client, experiment, "trial")]
    controls = [layout.read_control(run) for run in _runs(client, experiment, "control")]
    return StudyRecord(
        plan=replace(known[name], study=name),
        trials=tuple(sorted(trials, key=lambda trial: trial.number)),
        controls=tuple(sorted(controls, key=lambda control: control.name)),
    )


def studies(root: Path) -> dict[str, PlanRecord]:
    """Give the plan of each recorded study, by the study's name."""
    if not database(root).is_file():
        return {}
    client = _client(root)
    found = {}
    for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY):
        parent = _parent(client, experiment.experiment_id)
        if parent is not None:
            found[experiment.name] = layout.read_plan(parent)
    return found


def model_file(root: Path, trial: TrialRecord) -> Path:
    """The kept model of a trial: raw text in, probabilities out."""
    return layout.model_file(_client(root).get_run(trial.run_id))


def add_artifact(root: Path, run_id: str, text: str, name: str) -> None:
    """Put a file of text with a run."""
    _client(root).log_text(run_id, text, name)


def has_artifact(root: Path, run_id: str, name: str) -> bool:
    """Tell whether a run has a file of this name."""
    return (layout.artifacts(_client(root).get_run(run_id)) / name).is_file()


def ids(root: Path, study: str) -> tuple[str, str]:
    """Give the ids of a study's experiment and of its parent run, for links."""
    client = _client(root)
    experiment = _experiment(client, study)
    parent = _parent(client, experiment)
    assert parent is not None
    return experiment, parent.info.run_id


class StudyStore:
    """The records of one study, open for writing. One process at a time has it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str) -> None:
        self._client = client
        self._experiment = experiment
        self.parent = parent

    def begin(self) -> dict[int, TrialRecord]:
        """Mark the study as running; close what an earlier process left open.

        Returns:
            all trials by number, none of them running.
        """
        self._client.update_run(self.parent, status="RUNNING")
        for run in _runs(self._client, self._experiment, _HALF_CONTROL):
            self._client.delete_run(run.info.run_id)
        trials = {}
        for run in _runs(self._client, self._experiment, "trial"):
            state = layout.read_state(run)
            log = TrialLog(self._client, run.info.run_id)
            if state == "running":
                layout.write_curves(
                    self._client, run.info.run_id, layout.read_trial(self._client, run).epochs
                )
                log.close(
                    "failed",
                    None,
                    reason="its coordinator was killed",
                    void=True,
                    ended=layout.last_sign_of_life(self._client, run),
                )
            elif run.info.status == "RUNNING":  # killed between the last two writes
                self._client.set_terminated(run.info.run_id, layout.STATUS[state])
            record = layout.read_trial(self._client, self._client.get_run(run.info.run_id))
            if record.void and record.model:
                log.drop_model()
            trials[record.number] = record
        return trials

    def open_trial(
        self,
        number: int,
        family: str,
        params: dict[str, Value],
        *,
        seed: int,
        origin: str,
        data: DataRecord,
    ) -> TrialLog:
        """Start the record of a trial."""
        name = f"trial-{number:04d}-{family}"
        code = environment.code()
        run = self._client.create_run(
            self._experiment,
            run_name=name,
            tags={
                "mlflow.parentRunId": self.parent,
                "mlflow.source.git.commit": code.commit,
                **layout.trial_tags(number, family, seed, origin),
                "data.name": data.name,
                "data.official": str(data.official),
                "data.digest": data.digest,
                "data.split_digest": data.split_digest,
                "code.dirty": str(bool(code.diff)),
            },
        )
        run_id = run.info.run_id
        layout.write_params(self._client, run_id, params)
        self._client.log_dict(run_id, environment.machine(), "environment.json")
        if code.diff:
            self._client.log_text(run_id, code.diff, "code.diff")
        return TrialLog(self._client, run_id)

    def controls(self) -> set[str]:
        """Name the controls that are recorded."""
        return {run.info.run_name for run in _runs(self._client, self._experiment, "control")}

    def write_control(self, control: ControlRecord) -> None:
        """Write a control, whole or not at all."""
        ended = int(time.time() * 1000)
        run = self._client.create_run(
            self._experiment,
            start_time=ended - round(1000 * control.seconds),
            run_name=control.name,
            tags={"kind": _HALF_CONTROL, "mlflow.parentRunId": self.parent},
        )
        run_id = run.info.run_id
        layout.write_score(self._client, run_id, control.score)
        self._client.set_terminated(run_id, end_time=ended)
        self._client.set_tag(run_id, "kind", "control")  # last: now it is whole

    def keep_best_models(self, n: int) -> None:
        """Delete the model files of all but the best n candidates."""
        runs = _runs(self._client, self._experiment, "trial")
        record = [layout.read_trial(self._client, run, epochs=False) for run in runs]
        scored = [t for t in record if t.model and t.score is not None]
        scored.sort(key=lambda t: (-t.score.val_accuracy if t.score else 0.0, t.number))
        for trial in scored[n:]:
            TrialLog(self._client, trial.run_id).drop_model()

    def end(self, *, finished: bool) -> None:
        """Mark the study as finished, or as stopped before its budget was met."""
        self._client.set_terminated(self.parent, "FINISHED" if finished else "KILLED")


class TrialLog:
    """The record of one trial, being written."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.run_id = run_id
        self._rows: list[EpochRecord] = []

    def epoch(self, record: EpochRecord) -> None:
        """Write an epoch, all its numbers at once."""
        self._rows.append(record)
        layout.write_epoch(self._client, self.run_id, record)

    def keep_model(self, model: Path) -> None:
        """Keep the model file with the trial."""
        self._client.log_artifact(self.run_id, str(model), "model")

    def look(self, record: LookRecord) -> None:
        """Write down that the test set was looked at, and what was seen."""
        layout.write_look(self._client, self.run_id, record)

    def drop_model(self) -> None:
        """Delete the trial's model file."""
        shutil.rmtree(
            layout.model_file(self._client.get_run(self.run_id)).parent, ignore_errors=True
        )

    def close(
        self,
        state: State,
        score: ScoreRecord | None,
        *,
        reason: str,
        void: bool,
        ended: int | None = None,
    ) -> None:
        """Write the outcome, its state last.

        Args:
            ended: when, in milliseconds since 1970; None is now.
        """
        if self._rows:
            layout.write_curves(self._client, self.run_id, self._rows)
        layout.write_outcome(self._client, self.run_id, state, score, reason=reason, void=void)
        self._client.set_terminated(self.run_id, layout.STATUS[state], ended)


def _client(root: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{database(root)}")


def _experiment(client: MlflowClient, study: str) -> str:
    found = client.get_experiment_by_name(study)
    assert found is not None
    return str(found.experiment_id)


def _parent(client: MlflowClient, experiment: str) -> Run | None:
    return next(iter(_runs(client, experiment, "study")), None)


def _runs(client: MlflowClient, experiment: str, kind: str) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs(
            [experiment], f"tags.kind = '{kind}'", max_results=_PAGE, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            return


def _refuse_other(recorded: PlanRecord, plan: PlanRecord) -> None:
    """Numbers from other data or other seeds must not meet in one study."""
    for what, before, now in (
        ("data", recorded.data.digest, plan.data.digest),
        ("validation split", recorded.data.split_digest, plan.data.split_digest),
        ("seed", recorded.seed, plan.seed),
        ("families", ", ".join(recorded.families), ", ".join(plan.families)),
    ):
        if before != now:
            raise UserError(
                f"a study keeps its {what}, but {plan.study} has {before} (data "
                f"{recorded.data.name}) and was asked to go on with {now} (data "
                f"{plan.data.name}). Add --fresh to put the old records aside and start anew."
            )
