"""Write records to MLflow and read them back: the only file that imports mlflow.

In MLflow a study is one experiment. It holds one parent run, however often the study is resumed,
a child run for each trial, and a run for the baseline, so that the UI's own charts show its line.

    complete -> FINISHED    pruned -> KILLED    failed -> FAILED, each with the tag trial.state
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from tracking import environment
from tracking.cli import UserError, unknown
from tracking.records import (
    BaselineRecord,
    DataRecord,
    EpochRecord,
    PlanRecord,
    ScoreRecord,
    State,
    StudyRecord,
    TrialRecord,
    Value,
)

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag, ViewType

_STATUS: dict[State, str] = {
    "running": "RUNNING",
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
}
_EPOCH_METRICS = tuple(field.name for field in fields(EpochRecord) if field.name != "epoch")
_SCORE_METRICS = tuple(
    f.name for f in fields(ScoreRecord) if f.name not in ("best_epoch", "confusion")
)
_PAGE = 1_000


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
        client = _client(root)
        with closing(sqlite3.connect(database(root))) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        found = client.get_experiment_by_name(plan.study)
        if found is not None and fresh:
            stamp = time.strftime("%Y%m%d-%H%M%S")
            client.rename_experiment(found.experiment_id, f"{plan.study}-until-{stamp}")
            found = None
        if found is None:
            artifacts = root / "artifacts"
            artifacts.mkdir(exist_ok=True)
            experiment = client.create_experiment(plan.study, artifacts.as_uri())
        else:
            experiment = found.experiment_id
        parent = _parent(client, experiment)
        if parent is None:
            parent = _create_parent(client, experiment, plan)
    _refuse_other(_read_plan(parent), plan)
    return StudyStore(client, experiment, parent.info.run_id)


def read_study(root: Path, name: str) -> StudyRecord:
    """Read all that is recorded of a study.

    The name of a plan does for its only study: `lstm` for `lstm-smoke`, if that is all there is.

    Raises:
        UserError: if there is no such study.
    """
    known = studies(root)
    if name not in known:
        of_plan = [study for study, plan in known.items() if plan.plan == name]
        if len(of_plan) != 1:
            raise unknown("study", name, known)
        name = of_plan[0]
    client = _client(root)
    experiment = client.get_experiment_by_name(name).experiment_id
    trials = [_read_trial(client, run) for run in _runs(client, experiment, "trial")]
    plan = replace(known[name], study=name)
    return StudyRecord(plan, tuple(sorted(trials, key=lambda trial: trial.number)))


def studies(root: Path) -> dict[str, PlanRecord]:
    """Give the plan of each recorded study, by the study's name."""
    if not database(root).is_file():
        return {}
    client = _client(root)
    found = {}
    for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY):
        parent = _parent(client, experiment.experiment_id)
        if parent is not None:
            found[experiment.name] = _read_plan(parent)
    return found


def model_file(root: Path, trial: TrialRecord) -> Path:
    """The kept model of a trial: raw text in, probabilities out."""
    return _model(_client(root).get_run(trial.run_id))


def add_artifact(root: Path, run_id: str, text: str, name: str) -> None:
    """Put a file of text with a run."""
    _client(root).log_text(run_id, text, name)


def has_artifact(root: Path, run_id: str, name: str) -> bool:
    """Tell whether a run has a file of this name."""
    return (_artifacts(_client(root).get_run(run_id)) / name).is_file()


def ids(root: Path, study: str) -> tuple[str, str]:
    """Give the ids of a study's experiment and of its parent run, for links."""
    client = _client(root)
    experiment = client.get_experiment_by_name(study).experiment_id
    parent = _parent(client, experiment)
    assert parent is not None
    return experiment, parent.info.run_id


class StudyStore:
    """The records of one study, open for writing. One process at a time has it."""

    def __init__(self, client: MlflowClient, experiment: str, parent: str) -> None:
        self._client = client
        self._parent = parent
        self.experiment = experiment

    def begin(self) -> dict[int, TrialRecord]:
        """Mark the study as running; close what an earlier process left open.

        Returns:
            all trials by number, none of them running.
        """
        self._client.update_run(self._parent, status="RUNNING")
        trials = {}
        for run in _runs(self._client, self.experiment, "trial"):
            state: State = run.data.tags["trial.state"]
            log = TrialLog(self._client, run.info.run_id)
            if state == "running":
                log.close("failed", None, reason="its coordinator was killed", void=True)
            elif run.info.status == "RUNNING":  # killed between the last two writes
                self._client.set_terminated(run.info.run_id, _STATUS[state])
            record = _read_trial(self._client, self._client.get_run(run.info.run_id))
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
            self.experiment,
            run_name=name,
            tags={
                "mlflow.parentRunId": self._parent,
                "mlflow.source.git.commit": code.commit,
                "kind": "trial",
                "trial.number": str(number),
                "trial.family": family,
                "trial.origin": origin,
                "trial.seed": str(seed),
                "trial.state": "running",
                "data.name": data.name,
                "data.official": str(data.official),
                "data.digest": data.digest,
                "data.split_digest": data.split_digest,
                "code.dirty": str(bool(code.diff)),
            },
        )
        run_id = run.info.run_id
        self._client.log_batch(run_id, params=[Param(k, _dump(v)) for k, v in params.items()])
        self._client.log_dict(run_id, environment.machine(), "environment.json")
        if code.diff:
            self._client.log_text(run_id, code.diff, "code.diff")
        return TrialLog(self._client, run_id)

    def keep_best_models(self, n: int) -> None:
        """Delete the model files of all but the best n candidates."""
        runs = _runs(self._client, self.experiment, "trial")
        record = [_read_trial(self._client, run, epochs=False) for run in runs]
        scored = [t for t in record if t.model and t.score is not None]
        scored.sort(key=lambda t: (-t.score.val_accuracy if t.score else 0.0, t.number))
        for trial in scored[n:]:
            TrialLog(self._client, trial.run_id).drop_model()

    def end(self, *, finished: bool) -> None:
        """Mark the study as finished, or as stopped before its budget was met."""
        self._client.set_terminated(self._parent, "FINISHED" if finished else "KILLED")


class TrialLog:
    """The record of one trial, being written."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._client = client
        self.run_id = run_id
        self._rows: list[EpochRecord] = []

    def epoch(self, record: EpochRecord) -> None:
        """Write an epoch, all its numbers at once."""
        self._rows.append(record)
        values = {name: getattr(record, name) for name in _EPOCH_METRICS}
        values["gap"] = record.gap
        self._client.log_batch(self.run_id, metrics=_metrics(values, record.epoch))

    def keep_model(self, model: Path) -> None:
        """Keep the model file with the trial."""
        self._client.log_artifact(self.run_id, str(model), "model")

    def drop_model(self) -> None:
        """Delete the trial's model file."""
        shutil.rmtree(_model(self._client.get_run(self.run_id)).parent, ignore_errors=True)

    def close(self, state: State, score: ScoreRecord | None, *, reason: str, void: bool) -> None:
        """Write the outcome. A killed process leaves either no outcome or a whole one."""
        if self._rows:
            self._client.log_text(self.run_id, _csv(self._rows), "curves.csv")
        metrics = []
        if score is not None:
            self._client.log_dict(self.run_id, {"counts": score.confusion}, "confusion.json")
            values = {f"best_{name}": getattr(score, name) for name in _SCORE_METRICS}
            values["best_epoch"] = score.best_epoch
            values["best_gap"] = score.train_accuracy - score.val_accuracy
            metrics = _metrics(values, score.best_epoch)
        tags = {"trial.state": state, "trial.reason": reason[:5_000], "trial.void": str(void)}
        self._client.log_batch(
            self.run_id, metrics=metrics, tags=[RunTag(k, v) for k, v in tags.items()]
        )
        self._client.set_terminated(self.run_id, _STATUS[state])


def _client(root: Path) -> MlflowClient:
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=f"sqlite:///{database(root)}")


def _create_parent(client: MlflowClient, experiment: str, plan: PlanRecord) -> Run:
    baseline = plan.baselines[0]
    line = client.create_run(experiment, run_name=baseline.name, tags={"kind": "baseline"})
    client.set_tag(line.info.run_id, "mlflow.note.content", f"test accuracy: {baseline.source}")
    for epoch in range(1, plan.max_epochs + 1):
        values = {"val_accuracy": baseline.accuracy, "best_val_accuracy": baseline.accuracy}
        client.log_batch(line.info.run_id, metrics=_metrics(values, epoch))
    client.set_terminated(line.info.run_id)
    # The parent comes last: a study without one was cut short here, and starts again.
    parent = client.create_run(
        experiment,
        run_name=plan.study,
        tags={"kind": "study", "mlflow.note.content": plan.question},
    )
    client.log_dict(parent.info.run_id, asdict(plan), "plan.json")
    return parent


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


def _read_plan(parent: Run) -> PlanRecord:
    plan = json.loads((_artifacts(parent) / "plan.json").read_text("utf-8"))
    data = plan["data"]
    return PlanRecord(
        **{
            **plan,
            "baselines": tuple(BaselineRecord(**baseline) for baseline in plan["baselines"]),
            "data": DataRecord(**{**data, "classes": tuple(data["classes"])}),
        }
    )


def _refuse_other(recorded: PlanRecord, plan: PlanRecord) -> None:
    """Numbers from other data or other seeds must not meet in one study."""
    for what, before, now in (
        ("data", recorded.data.digest, plan.data.digest),
        ("validation split", recorded.data.split_digest, plan.data.split_digest),
        ("seed", recorded.seed, plan.seed),
    ):
        if before != now:
            raise UserError(
                f"a study keeps its {what}, but {plan.study} has {before} (data "
                f"{recorded.data.name}) and was asked to go on with {now} (data "
                f"{plan.data.name}). Add --fresh to put the old records aside and start anew."
            )


def _read_trial(client: MlflowClient, run: Run, *, epochs: bool = True) -> TrialRecord:
    tags, metrics = run.data.tags, run.data.metrics
    ended = run.info.end_time or int(time.time() * 1000)
    score = None
    if "best_epoch" in metrics:
        counts = json.loads((_artifacts(run) / "confusion.json").read_text("utf-8"))["counts"]
        values: dict[str, Any] = {name: metrics[f"best_{name}"] for name in _SCORE_METRICS}
        values["n_parameters"] = int(values["n_parameters"])
        score = ScoreRecord(
            best_epoch=int(metrics["best_epoch"]),
            confusion=tuple(tuple(row) for row in counts),
            **values,
        )
    return TrialRecord(
        number=int(tags["trial.number"]),
        family=tags["trial.family"],
        origin=tags["trial.origin"],
        params={name: _load(value) for name, value in run.data.params.items()},
        seed=int(tags["trial.seed"]),
        state=tags["trial.state"],
        void=tags.get("trial.void") == "True",
        reason=tags.get("trial.reason", ""),
        seconds=(ended - run.info.start_time) / 1000,
        epochs=_read_epochs(client, run) if epochs else (),
        score=score,
        run_id=run.info.run_id,
        model=_model(run).is_file(),
    )


def _read_epochs(client: MlflowClient, run: Run) -> tuple[EpochRecord, ...]:
    rows: dict[int, dict[str, float]] = {}
    for name in _EPOCH_METRICS:
        if name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                rows.setdefault(metric.step, {})[name] = metric.value
    return tuple(EpochRecord(epoch=step, **rows[step]) for step in sorted(rows))


def _metrics(values: dict[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def _artifacts(run: Run) -> Path:
    return Path(unquote(urlsplit(run.info.artifact_uri).path))


def _model(run: Run) -> Path:
    return _artifacts(run) / "model" / "model.keras"


def _csv(rows: list[EpochRecord]) -> str:
    names = [field.name for field in fields(EpochRecord)]
    lines = [",".join(repr(getattr(row, name)) for name in names) for row in rows]
    return "\n".join([",".join(names), *lines, ""])


def _dump(value: Value) -> str:
    """Write a parameter so that `_load` gives it back: text as it is, unless it reads as JSON."""
    if isinstance(value, str) and _load(value) == value:
        return value
    return json.dumps(value)


def _load(text: str) -> Value:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float, str)) else text
