"""How each record lies in MLflow. What is written here is read here.

plan      plan.json of the parent run, and tags of it named plan. and data. for the UI
trial     tags, parameters and status of its run
epochs    one metric a field, one step an epoch; curves.csv for those who want a table
score     metrics named best_..., and confusion.json
look      metrics named test_..., and look.json
model     model/model.keras
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from tracking.records import (
    BaselineRecord,
    ControlRecord,
    DataRecord,
    EpochRecord,
    LookRecord,
    PlanRecord,
    ReferenceRecord,
    ScoreRecord,
    State,
    TrialRecord,
    Value,
)

STATUS: dict[State, str] = {
    "running": "RUNNING",
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
}
_EPOCH = tuple(field.name for field in fields(EpochRecord) if field.name != "epoch")
_SCORE = tuple(
    field.name for field in fields(ScoreRecord) if field.name not in ("best_epoch", "confusion")
)
_LONGEST_TAG = 5_000  # characters; MLflow refuses more than 8,000


def write_plan(client: MlflowClient, run_id: str, plan: PlanRecord) -> None:
    client.log_dict(run_id, asdict(plan), "plan.json")
    tags = {
        "plan.name": plan.plan,
        "plan.families": ", ".join(plan.families),
        "plan.seed": str(plan.seed),
        "plan.sampler": plan.sampler,
        "plan.pruner": plan.pruner,
        **data_tags(plan.data),
    }
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def data_tags(data: DataRecord) -> dict[str, str]:
    """Give the tags that say which data a run used."""
    return {
        "data.name": data.name,
        "data.official": str(data.official),
        "data.digest": data.digest,
        "data.split_digest": data.split_digest,
    }


def read_plan(parent: Run) -> PlanRecord:
    plan = _upgraded(_read_json(parent, "plan.json"))
    data = plan["data"]
    return PlanRecord(
        **{
            **plan,
            "families": tuple(plan["families"]),
            "references": tuple(ReferenceRecord(**known) for known in plan["references"]),
            "baselines": tuple(BaselineRecord(**baseline) for baseline in plan["baselines"]),
            "data": DataRecord(**{**data, "classes": tuple(data["classes"])}),
        }
    )


def _upgraded(plan: dict[str, Any]) -> dict[str, Any]:
    """Read what was recorded before 2026-11-24: one family, and only the names of references."""
    if "families" in plan:
        return plan
    known = [
        asdict(ReferenceRecord(name, None, "", "", trained_as=name)) for name in plan["references"]
    ]
    rest = {name: value for name, value in plan.items() if name != "family"}
    return {**rest, "families": [plan["family"]], "references": known}


def trial_tags(number: int, family: str, seed: int, origin: str) -> dict[str, str]:
    """Give the tags that a trial's run is made with."""
    return {
        "kind": "trial",
        "trial.number": str(number),
        "trial.family": family,
        "trial.origin": origin,
        "trial.seed": str(seed),
        "trial.state": "running",
    }


def write_params(client: MlflowClient, run_id: str, params: Mapping[str, Value]) -> None:
    values = [Param(name, _dump(value)) for name, value in params.items()]
    client.log_batch(run_id, params=values)


def write_epoch(client: MlflowClient, run_id: str, record: EpochRecord) -> None:
    """Write an epoch, all its numbers at once."""
    values = {**{name: getattr(record, name) for name in _EPOCH}, "gap": record.gap}
    known = {name: value for name, value in values.items() if value is not None}
    client.log_batch(run_id, metrics=metrics(known, record.epoch))


def write_curves(client: MlflowClient, run_id: str, epochs: Sequence[EpochRecord]) -> None:
    names = ("epoch", *_EPOCH)
    rows = [[getattr(epoch, name) for name in names] for epoch in epochs]
    lines = [",".join("" if value is None else repr(value) for value in row) for row in rows]
    client.log_text(run_id, "\n".join([",".join(names), *lines, ""]), "curves.csv")


def write_outcome(
    client: MlflowClient,
    run_id: str,
    state: State,
    score: ScoreRecord | None,
    *,
    reason: str,
    void: bool,
) -> None:
    """Write how a trial ended. The state comes last: without it, the rest counts for nothing."""
    if score is not None:
        write_score(client, run_id, score)
    tags = {
        "trial.state": state,
        "trial.reason": reason[-_LONGEST_TAG:],
        "trial.void": str(void),
    }
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def write_score(client: MlflowClient, run_id: str, score: ScoreRecord) -> None:
    client.log_dict(run_id, {"counts": score.confusion}, "confusion.json")
    values = {f"best_{name}": getattr(score, name) for name in _SCORE}
    values["best_epoch"] = score.best_epoch
    values["best_gap"] = score.train_accuracy - score.val_accuracy
    client.log_batch(run_id, metrics=metrics(values, score.best_epoch))


def write_look(client: MlflowClient, run_id: str, look: LookRecord) -> None:
    client.log_dict(run_id, asdict(look), "look.json")
    values = {"test_accuracy": look.accuracy, "test_loss": look.loss}
    client.log_batch(run_id, metrics=metrics(values, 0))
    client.set_tag(run_id, "test.looked_at", look.looked_at)  # last: now it is whole


def read_control(run: Run) -> ControlRecord:
    assert run.info.end_time is not None
    seconds = (run.info.end_time - run.info.start_time) / 1000
    return ControlRecord(run.info.run_name, seconds, _read_score(run))


def read_state(run: Run) -> State:
    states: dict[str, State] = {state: state for state in get_args(State)}
    return states[run.data.tags["trial.state"]]


def read_trial(client: MlflowClient, run: Run, *, epochs: bool = True) -> TrialRecord:
    """Read a trial.

    Args:
        epochs: read them too; without them it is one query less for each of their fields.
    """
    tags = run.data.tags
    ended = run.info.end_time or int(time.time() * 1000)
    return TrialRecord(
        number=int(tags["trial.number"]),
        family=tags["trial.family"],
        origin=tags["trial.origin"],
        params={name: _load(value) for name, value in run.data.params.items()},
        seed=int(tags["trial.seed"]),
        state=read_state(run),
        void=tags.get("trial.void") == "True",
        reason=tags.get("trial.reason", ""),
        seconds=(ended - run.info.start_time) / 1000,
        epochs=_read_epochs(client, run) if epochs else (),
        score=_read_score(run) if _has_score(run) else None,
        run_id=run.info.run_id,
        model=model_file(run).is_file(),
        look=_read_look(run),
    )


def last_sign_of_life(client: MlflowClient, run: Run) -> int:
    """When a trial last wrote something, in milliseconds since 1970."""
    history = client.get_metric_history(run.info.run_id, "seconds")
    return int(max([run.info.start_time, *(metric.timestamp for metric in history)]))


def artifacts(run: Run) -> Path:
    """The folder of a run's files."""
    return Path(unquote(urlsplit(run.info.artifact_uri).path))


def model_file(run: Run) -> Path:
    return artifacts(run) / "model" / "model.keras"


def metrics(values: Mapping[str, float], step: int) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]


def _has_score(run: Run) -> bool:
    return run.data.tags["trial.state"] == "complete" and "best_epoch" in run.data.metrics


def _read_look(run: Run) -> LookRecord | None:
    return (
        LookRecord(**_read_json(run, "look.json")) if "test.looked_at" in run.data.tags else None
    )


def _read_score(run: Run) -> ScoreRecord:
    found = run.data.metrics
    values: dict[str, Any] = {name: found[f"best_{name}"] for name in _SCORE}
    values["n_parameters"] = int(values["n_parameters"])
    counts = _read_json(run, "confusion.json")["counts"]
    return ScoreRecord(
        best_epoch=int(found["best_epoch"]),
        confusion=tuple(tuple(row) for row in counts),
        **values,
    )


def _read_epochs(client: MlflowClient, run: Run) -> tuple[EpochRecord, ...]:
    rows: dict[int, dict[str, float]] = {}
    for name in _EPOCH:
        if name in run.data.metrics:
            for metric in client.get_metric_history(run.info.run_id, name):
                rows.setdefault(metric.step, {})[name] = metric.value
    missing: dict[str, Any] = {"val_loss": None, "val_accuracy": None}
    return tuple(EpochRecord(epoch=step, **{**missing, **rows[step]}) for step in sorted(rows))


def _read_json(run: Run, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((artifacts(run) / name).read_text("utf-8"))
    return content


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
