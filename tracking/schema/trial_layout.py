"""How the records of trials lie in MLflow. What is written here is read here.

trial     tags, parameters (params_layout.py) and status of its run; summary.txt
epochs    and rungs: epochs_layout.py
score     metrics named best_..., confusion.json, mistakes.json
look      metrics named test_..., and evaluation.json
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, get_args

from mlflow import MlflowClient
from mlflow.entities import Metric, Run, RunTag

from tracking.commandline.redaction import redact
from tracking.connection import damage
from tracking.connection.durable import sync_files
from tracking.connection.files import read_json, read_text
from tracking.connection.metrics import metrics
from tracking.models import kept_models
from tracking.records import (
    CommandRecord,
    EpochRecord,
    EvaluationRecord,
    MistakeRecord,
    ResumedRecord,
    ScoreRecord,
    SimpleBaselineRecord,
    State,
    TrialRecord,
)
from tracking.schema import environment, params_layout
from tracking.schema.epochs_layout import cost, read_epochs, read_rung

STATUS: dict[State, str] = {
    "running": "RUNNING",
    "interrupted": "KILLED",
    "complete": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
}
_NOT_METRICS = ("best_epoch", "confusion", "mistakes")
_SCORE = tuple(field.name for field in fields(ScoreRecord) if field.name not in _NOT_METRICS)
_MISTAKE = tuple(field.name for field in fields(MistakeRecord))
DEATHS, SECONDS, SAMPLER_STATE = "trial.deaths", "trial.seconds", "sampler.state"  # tags
# MLflow changes no parameter: to how many epochs a finished trial trains on, and has trained on.
_CONTINUING, _CONTINUED = "trial.continues_to", "trial.continued_to"
_EPOCHS = "train.epochs"
_RESUMED = "trial.resumed"  # a tag
TOLD = "trial.told"  # a tag: its numbers come from a loop of a person's own
_TOLD = ("val_loss", "train_accuracy", "n_parameters")  # which it may lack
LONGEST_TAG = 5_000  # characters; MLflow refuses more than 8,000


def trial_tags(
    number: int, family: str, seed: int, proposed_by: str, sampler_state: Mapping[str, Any]
) -> dict[str, str]:
    """Return the tags that a trial's run is made with."""
    state = {SAMPLER_STATE: json.dumps(dict(sampler_state))} if sampler_state else {}
    return {
        **state,
        "kind": "trial",
        "trial.number": str(number),
        "trial.family": family,
        "trial.proposed_by": proposed_by,
        "trial.seed": str(seed),
        "trial.state": "running",
    }


def lineage_tags(code: environment.CodeRecord) -> dict[str, str]:
    """Return the tags that say what made a run: who, with which command and code."""
    command = environment.command()[:LONGEST_TAG]
    return {
        "mlflow.user": environment.user(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": command,
        "mlflow.source.git.commit": code.commit,
        "code.dirty": str(bool(code.diff)),
        "code.command": command,
    }


def write_outcome(
    client: MlflowClient,
    run_id: str,
    state: State,
    score: ScoreRecord | None,
    *,
    epochs: Sequence[EpochRecord],
    classes: Sequence[str],
    reason: str,
    seconds: float,
    continued_to: int | None = None,
) -> None:
    """Write how a trial ended. The state comes last: without it, the rest counts for nothing."""
    numbers, tags = cost(epochs), dict[str, str]()
    if score is not None:
        of_score, tags = write_score(client, run_id, score, classes)
        numbers += of_score
    tags |= _end_tags(state, reason, seconds) | {_CONTINUING: ""}
    if continued_to is not None:
        tags[_CONTINUED] = str(continued_to)
    sync_files()  # a power cut leaves no trial that has ended without its files
    # Of a batch MLflow writes the tags last, in a transaction of their own.
    client.log_batch(run_id, metrics=numbers, tags=[RunTag(*tag) for tag in tags.items()])


def write_interrupted(client: MlflowClient, run_id: str, reason: str, seconds: float) -> None:
    """Write that a trial was stopped before its end."""
    tags = _end_tags("interrupted", reason, seconds)
    client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])


def write_running(
    client: MlflowClient,
    run_id: str,
    *,
    resumed: ResumedRecord | None = None,
    epochs: int | None = None,
) -> None:
    """Write that a trial that was stopped is continued, or one that had ended.

    Args:
        resumed: of one that had ended.
        epochs: that it is to have in all, of one that had finished.
    """
    tags = {"trial.state": "running", "trial.reason": ""}
    if resumed is not None:
        tags[_RESUMED] = json.dumps(asdict(resumed))
    if epochs is not None:
        tags[_CONTINUING] = str(epochs)
    client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
    client.update_run(run_id, status=STATUS["running"])


def _end_tags(state: State, reason: str, seconds: float) -> dict[str, str]:
    return {"trial.state": state, "trial.reason": cut(reason), SECONDS: repr(seconds)}


def cut(reason: str) -> str:
    """Return what is kept of a reason: no credentials, and its end if it is long."""
    return redact(reason)[-LONGEST_TAG:]


def write_score(
    client: MlflowClient, run_id: str, score: ScoreRecord, classes: Sequence[str]
) -> tuple[list[Metric], dict[str, str]]:
    """Write the files of a score; give the numbers and the tags that make it whole."""
    confusion = {"classes": list(classes), "counts": score.confusion}
    client.log_dict(run_id, confusion, "confusion.json")
    rows = [[getattr(mistake, name) for name in _MISTAKE] for mistake in score.mistakes]
    table = {"columns": _MISTAKE, "data": rows}  # as MLflow's own log_table, with all digits
    client.log_text(run_id, json.dumps(table), "mistakes.json")
    shown = [{"path": "mistakes.json", "type": "table"}]
    known = {name: getattr(score, name) for name in _SCORE}
    values = {f"best_{name}": value for name, value in known.items() if value is not None}
    values["best_epoch"] = score.best_epoch
    if len(classes) > 2 and score.val_macro_f1 is not None:
        values["best_val_macro_f1"] = score.val_macro_f1
    if score.gap is not None:
        values["best_gap"] = score.gap
    tags = {"mlflow.loggedArtifacts": json.dumps(shown)}
    return metrics(values, score.best_epoch), tags


def write_evaluation(client: MlflowClient, run_id: str, evaluation: EvaluationRecord) -> None:
    client.log_dict(run_id, asdict(evaluation), "evaluation.json")
    values = {"test_accuracy": evaluation.accuracy, "test_loss": evaluation.loss}
    client.log_batch(run_id, metrics=metrics(values, 0))
    client.set_tag(run_id, "test.evaluated_at", evaluation.evaluated_at)  # last: now it is whole


def read_command(run: Run) -> CommandRecord:
    tags = run.data.tags
    return CommandRecord(
        command=tags.get("code.command", ""),
        commit=tags.get("mlflow.source.git.commit", ""),
        changed=tags.get("code.dirty") == "True",
    )


def read_simple_baseline(client: MlflowClient, run: Run) -> SimpleBaselineRecord:
    with damage.reading(run):
        return SimpleBaselineRecord(run.info.run_name, read_seconds(run), read_score(client, run))


def read_state(run: Run) -> State:
    states: dict[str, State] = {state: state for state in get_args(State)}
    form = re.compile("|".join(states))
    return states[damage.tag(run, "trial.state", form, f"one of {', '.join(states)}")]


def read_number(run: Run) -> int:
    """Return the number of a trial."""
    return damage.number(run, "trial.number")


def read_seconds(run: Run) -> float:
    """Return how long a training was under way, the time in which it was stopped left out."""
    tags = run.data.tags
    if tags.get("trial.state") != "running" and SECONDS in tags:
        return float(tags[SECONDS])
    ended = run.info.end_time or int(time.time() * 1000)
    return float(ended - run.info.start_time) / 1000


def read_trial(client: MlflowClient, run: Run) -> TrialRecord:
    """Read a trial.

    Raises:
        Unreadable: if its record is damaged.
    """
    tags = run.data.tags
    with damage.reading(run):
        state = read_state(run)
        has_ended = state not in ("running", "interrupted")
        params = params_layout.read_params(client, run)
        continued_to = _read_continued(run)
        if continued_to is not None:
            params[_EPOCHS] = continued_to
        return TrialRecord(
            number=read_number(run),
            family=damage.tag(run, "trial.family"),
            proposed_by=damage.tag(run, "trial.proposed_by"),
            params=params,
            seed=damage.number(run, "trial.seed"),
            state=state,
            reason=tags.get("trial.reason", ""),
            seconds=read_seconds(run),
            epochs=read_epochs(client, run, ended=has_ended),
            score=read_score(client, run) if has_score(run) else None,
            run_id=run.info.run_id,
            model=kept_models.is_kept(client, run),
            evaluation=_read_evaluation(client, run),
            summary=read_text(client, run, "summary.txt") or "",
            deaths=int(tags.get(DEATHS, 0)),
            rung=read_rung(run),
            sampler_state=json.loads(tags.get(SAMPLER_STATE, "{}")),
            ended=run.info.end_time if has_ended else None,
            continued_to=continued_to,
            resumed=ResumedRecord(**json.loads(tags[_RESUMED])) if _RESUMED in tags else None,
        )


def has_score(run: Run) -> bool:
    """Return whether a run must have a score: a reproduction has a test evaluation instead."""
    has_finished = read_state(run) == "complete" or bool(run.data.tags.get(_CONTINUING))
    return has_finished and "test.evaluated_at" not in run.data.tags


def _read_continued(run: Run) -> int | None:
    for name in (_CONTINUING, _CONTINUED):
        if run.data.tags.get(name):
            return damage.number(run, name)
    return None


def _read_evaluation(client: MlflowClient, run: Run) -> EvaluationRecord | None:
    return (
        EvaluationRecord(**read_json(client, run, "evaluation.json"))
        if "test.evaluated_at" in run.data.tags
        else None
    )


def read_score(client: MlflowClient, run: Run) -> ScoreRecord:
    # Validation may lack a class, and a trial that was told its accuracy the rest.
    optional = {"val_auc", *(_TOLD if run.data.tags.get(TOLD) == "True" else ())}
    values: dict[str, Any] = {
        name: damage.metric(run, f"best_{name}")
        for name in _SCORE
        if name not in optional or f"best_{name}" in run.data.metrics
    }
    values = {**dict.fromkeys(_TOLD), **values}
    if values["n_parameters"] is not None:
        values["n_parameters"] = int(values["n_parameters"])
    counts = read_json(client, run, "confusion.json")["counts"]
    table = read_json(client, run, "mistakes.json")
    return ScoreRecord(
        best_epoch=int(damage.metric(run, "best_epoch")),
        confusion=tuple(tuple(row) for row in counts),
        mistakes=tuple(MistakeRecord(*row) for row in table["data"]),
        **values,
    )
