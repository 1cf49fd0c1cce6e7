"""How the final evaluation of a study lies in MLflow. What is written here is read here.

rerun     a run of the kind "rerun" below its trial's, laid out as a trial's (trial_layout.py)
audit     the same of the kind "pruning audit"; the parent's tag pruning.audit has the result
ranking   a file final_ranking/NAME.json of the parent run; the tag final_ranking.file names it
seal      a run of the kind "test evaluation" with seal.json
result    evaluations.json of the same run, once there is something to read
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, get_args

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.connection import damage, files
from tracking.connection.damage import Unreadable, readable, reading
from tracking.connection.files import read_json
from tracking.connection.metrics import metrics
from tracking.connection.runs import of_kind
from tracking.records import (
    DifferenceRecord,
    EvaluationRecord,
    ExpectedRecord,
    PruningAuditRecord,
    RankingRecord,
    RerunRecord,
    Role,
    SealedEvaluationRecord,
    SealItemRecord,
    SealRecord,
    StudyRecord,
    UnreadableRecord,
)
from tracking.schema import epochs_layout, params_layout, trial_layout

RERUN, TEST_EVALUATION = "rerun", "test evaluation"
AUDIT = "pruning audit"  # a pruned trial that is trained to its end
TRAININGS = (RERUN, AUDIT)  # laid out alike
_AUDITED = "pruning.audit"  # a tag of the parent run
HALF_EVALUATION = "half a test evaluation"  # its kind until it is sealed; nothing was scored yet
RANKING = "final_ranking.file"  # the tag that says which file counts
MODEL, PREDICTIONS = "model.keras", "validation.npy"


def with_evaluation(
    client: MlflowClient, experiment: str, parent: Run, study: StudyRecord
) -> StudyRecord:
    """Add to a study what came after its search."""
    runs = list(of_kind(client, experiment, TEST_EVALUATION))
    opened = (run for run in runs if is_opened(run))
    evaluations, lost_evaluations = readable(opened, lambda run: _read_evaluations(client, run))
    reruns, lost_reruns = read_reruns(client, experiment)
    audits, lost_audits = read_reruns(client, experiment, AUDIT)
    audited, lost_audited = readable([parent], _read_audit)
    final_ranking, lost_rankings = readable([parent], lambda run: _read_ranking(client, run))
    return replace(
        study,
        reruns=reruns,
        audits=audits,
        pruning_audit=audited[0] if audited else None,
        sealed_evaluations=tuple(
            sorted(itertools.chain(*evaluations), key=lambda evaluation: evaluation.n)
        ),
        final_ranking=final_ranking[0] if final_ranking else None,
        n_sealed=len(runs),
        unreadable=(
            *study.unreadable,
            *lost_reruns,
            *lost_audits,
            *lost_audited,
            *lost_evaluations,
            *lost_rankings,
        ),
    )


def rerun_tags(role: Role, of: int | str, index: int, seed: int) -> dict[str, str]:
    """Return the tags that a rerun's run is made with."""
    return {
        "kind": AUDIT if role == "pruned" else RERUN,
        "rerun.role": role,
        "rerun.of": json.dumps(of),
        "rerun.index": str(index),
        "trial.seed": str(seed),
        "trial.state": "running",
    }


def read_reruns(
    client: MlflowClient, experiment: str, kind: str = RERUN
) -> tuple[tuple[RerunRecord, ...], list[UnreadableRecord]]:
    """Return the reruns in the order in which they were begun, and those that cannot be read."""
    runs = sorted(of_kind(client, experiment, kind), key=lambda run: run.info.start_time or 0)
    found, lost = readable(runs, lambda run: _read_rerun(client, run))
    return tuple(found), lost


def _read_rerun(client: MlflowClient, run: Run) -> RerunRecord:
    roles: dict[str, Role] = {role: role for role in get_args(Role)}
    form = re.compile("|".join(roles))
    with reading(run):
        state = trial_layout.read_state(run)
        return RerunRecord(
            role=roles[damage.tag(run, "rerun.role", form, f"one of {', '.join(roles)}")],
            of=_rerun_of(run),
            index=damage.number(run, "rerun.index"),
            seed=damage.number(run, "trial.seed"),
            state=state,
            reason=run.data.tags.get("trial.reason", ""),
            seconds=trial_layout.read_seconds(run),
            epochs=epochs_layout.read_epochs(
                client, run, ended=state not in ("running", "interrupted")
            ),
            score=trial_layout.read_score(client, run) if trial_layout.has_score(run) else None,
            run_id=run.info.run_id,
            model=files.has(client, run, MODEL),
            params=params_layout.read_params(client, run),
        )


def _rerun_of(run: Run) -> int | str:
    """Return what a rerun trains again: a trial's number, or a name."""
    of: object = json.loads(damage.tag(run, "rerun.of"))
    if isinstance(of, bool) or not isinstance(of, int | str):
        raise Unreadable(run, "its tag rerun.of is neither a number nor a name")
    return of


def write_ranking(client: MlflowClient, parent: str, final_ranking: RankingRecord) -> None:
    text = json.dumps(asdict(final_ranking), indent=2)
    name = f"final_ranking/{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    client.log_text(parent, text, name)
    client.set_tag(parent, RANKING, name)  # last: now it is whole


def _read_ranking(client: MlflowClient, parent: Run) -> RankingRecord | None:
    if RANKING not in parent.data.tags:
        return None
    with reading(parent):
        values = read_json(client, parent, ranking_file(parent))
        return RankingRecord(
            **{
                **values,
                "ranking": tuple(values["ranking"]),
                "differences": _differences(values["differences"]),
                "expected": tuple(ExpectedRecord(**point) for point in values["expected"]),
            }
        )


def write_audit(client: MlflowClient, parent: str, audit: PruningAuditRecord) -> None:
    client.set_tag(parent, _AUDITED, json.dumps(asdict(audit)))


def _read_audit(parent: Run) -> PruningAuditRecord | None:
    if _AUDITED not in parent.data.tags:
        return None
    with reading(parent):
        values = json.loads(parent.data.tags[_AUDITED])
        tried = {int(number): float(share) for number, share in values["tried"].items()}
        return PruningAuditRecord(**{**values, "tried": tried})


def ranking_file(parent: Run) -> str:
    """Return the name of the file that holds the ranking that counts."""
    form = re.compile(r"final_ranking/[0-9a-f]{8}\.json")
    return damage.tag(
        parent, RANKING, form, "the name of a file such as final_ranking/01234567.json"
    )


def write_seal(client: MlflowClient, run_id: str, seal: SealRecord) -> None:
    client.log_dict(run_id, asdict(seal), "seal.json")
    tags = {
        "test_evaluation.n": str(seal.n),
        "test_evaluation.who": seal.who,
        "test_evaluation.sealed_at": seal.sealed_at,
    }
    for name, value in tags.items():
        client.set_tag(run_id, name, value)
    client.set_tag(run_id, "kind", TEST_EVALUATION)  # last: from here on it counts


def read_seal(client: MlflowClient, run: Run) -> SealRecord:
    with reading(run):
        values = read_json(client, run, "seal.json")
        items = tuple(SealItemRecord(**item) for item in values["items"])
        for run_id in (one for item in items for one in (*item.models, item.chosen)):
            if not damage.RUN_ID.fullmatch(run_id):
                raise ValueError(f"{run_id[:60]!r} is not the id of a run")
        return SealRecord(**{**values, "items": items})


def write_evaluations(
    client: MlflowClient, run_id: str, evaluations: Sequence[SealedEvaluationRecord]
) -> None:
    client.log_dict(
        run_id,
        {"evaluations": [asdict(evaluation) for evaluation in evaluations]},
        "evaluations.json",
    )
    values = {
        "test_accuracy": evaluations[0].result.accuracy,
        "test_loss": evaluations[0].result.loss,
    }
    client.log_batch(run_id, metrics=metrics(values, 0))
    client.set_tag(run_id, "test_evaluation.opened", "True")  # last: now it is whole


def is_opened(run: Run) -> bool:
    """Return whether what a test evaluation saw is on record."""
    return run.data.tags.get("test_evaluation.opened") == "True"


def abandon(client: MlflowClient, run_id: str) -> None:
    """Write down that a test evaluation cannot be finished. It counts all the same."""
    client.set_tag(run_id, "test_evaluation.opened", "never")


def is_unfinished(run: Run) -> bool:
    """Return whether a test evaluation was sealed and then cut short."""
    return "test_evaluation.opened" not in run.data.tags


def _read_evaluations(client: MlflowClient, run: Run) -> list[SealedEvaluationRecord]:
    with reading(run):
        return [
            _evaluation(values)
            for values in read_json(client, run, "evaluations.json")["evaluations"]
        ]


def _evaluation(values: dict[str, Any]) -> SealedEvaluationRecord:
    return SealedEvaluationRecord(
        **{
            **values,
            "result": EvaluationRecord(**values["result"]),
            "by_seed": tuple(values["by_seed"]),
            "differences": _differences(values["differences"]),
        }
    )


def _differences(rows: list[dict[str, Any]]) -> tuple[DifferenceRecord, ...]:
    return tuple(DifferenceRecord(**row) for row in rows)
