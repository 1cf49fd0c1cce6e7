"""How the finals of a study lie in MLflow. What is written here is read here.

repeat    a run of the kind "repeat" below its trial's, laid out as a trial's (tracking/layout.py)
finals    a file finals/NAME.json of the parent run; the tag finals.file says which one counts
seal      a run of the kind "look" with seal.json
look      looks.json of the same run, once there is something to read
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, get_args

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking import epochs_layout, files, layout, params_layout
from tracking.files import read_json
from tracking.metrics import metrics
from tracking.records import (
    DifferenceRecord,
    ExpectedRecord,
    FinalLookRecord,
    FinalsRecord,
    LookRecord,
    RepeatRecord,
    Role,
    SealItemRecord,
    SealRecord,
    StudyRecord,
)
from tracking.runs import of_kind

REPEAT, LOOK = "repeat", "look"
HALF_LOOK = "half a look"  # what a look is called until it is sealed; nobody has looked yet
FINALS = "finals.file"  # the tag that says which file counts
MODEL, PREDICTIONS = "model.keras", "validation.npy"


def with_finals(
    client: MlflowClient, experiment: str, parent: Run, study: StudyRecord
) -> StudyRecord:
    """Add to a study what came after its search."""
    runs = list(of_kind(client, experiment, LOOK))
    looks = [look for run in runs if is_opened(run) for look in _read_looks(client, run)]
    return replace(
        study,
        repeats=read_repeats(client, experiment),
        final_looks=tuple(sorted(looks, key=lambda look: look.n)),
        finals=_read_finals(client, parent),
        n_sealed=len(runs),
    )


def repeat_tags(role: Role, of: int | str, index: int, seed: int) -> dict[str, str]:
    """Give the tags that a repeat's run is made with."""
    return {
        "kind": REPEAT,
        "repeat.role": role,
        "repeat.of": json.dumps(of),
        "repeat.index": str(index),
        "trial.seed": str(seed),
        "trial.state": "running",
    }


def read_repeats(client: MlflowClient, experiment: str) -> tuple[RepeatRecord, ...]:
    """Give the repeats in the order in which they were begun."""
    runs = sorted(of_kind(client, experiment, REPEAT), key=lambda run: run.info.start_time)
    return tuple(_read_repeat(client, run) for run in runs)


def _read_repeat(client: MlflowClient, run: Run) -> RepeatRecord:
    tags = run.data.tags
    roles: dict[str, Role] = {role: role for role in get_args(Role)}
    ended = run.info.end_time or int(time.time() * 1000)
    return RepeatRecord(
        role=roles[tags["repeat.role"]],
        of=json.loads(tags["repeat.of"]),
        index=int(tags["repeat.index"]),
        seed=int(tags["trial.seed"]),
        state=layout.read_state(run),
        void=layout.is_void(run),
        reason=tags.get("trial.reason", ""),
        seconds=(ended - run.info.start_time) / 1000,
        epochs=epochs_layout.read_epochs(client, run),
        score=layout.read_score(client, run) if layout.has_score(run) else None,
        run_id=run.info.run_id,
        model=files.has(client, run, MODEL),
        params=params_layout.read_params(client, run),
    )


def write_finals(client: MlflowClient, parent: str, finals: FinalsRecord) -> None:
    text = json.dumps(asdict(finals), indent=2)
    name = f"finals/{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    client.log_text(parent, text, name)
    client.set_tag(parent, FINALS, name)  # last: now it is whole


def _read_finals(client: MlflowClient, parent: Run) -> FinalsRecord | None:
    name = parent.data.tags.get(FINALS)
    if name is None:
        return None
    values = read_json(client, parent, name)
    return FinalsRecord(
        **{
            **values,
            "ranking": tuple(values["ranking"]),
            "differences": _differences(values["differences"]),
            "expected": tuple(ExpectedRecord(**point) for point in values["expected"]),
        }
    )


def write_seal(client: MlflowClient, run_id: str, seal: SealRecord) -> None:
    client.log_dict(run_id, asdict(seal), "seal.json")
    tags = {"look.n": str(seal.n), "look.who": seal.who, "look.sealed_at": seal.sealed_at}
    for name, value in tags.items():
        client.set_tag(run_id, name, value)
    client.set_tag(run_id, "kind", LOOK)  # last: from here on it counts


def read_seal(client: MlflowClient, run: Run) -> SealRecord:
    values = read_json(client, run, "seal.json")
    items = tuple(SealItemRecord(**item) for item in values["items"])
    return SealRecord(**{**values, "items": items})


def write_looks(client: MlflowClient, run_id: str, looks: Sequence[FinalLookRecord]) -> None:
    client.log_dict(run_id, {"looks": [asdict(look) for look in looks]}, "looks.json")
    values = {"test_accuracy": looks[0].look.accuracy, "test_loss": looks[0].look.loss}
    client.log_batch(run_id, metrics=metrics(values, 0))
    client.set_tag(run_id, "look.opened", "True")  # last: now it is whole


def is_opened(run: Run) -> bool:
    """Tell whether what a look saw is on record."""
    return run.data.tags.get("look.opened") == "True"


def abandon(client: MlflowClient, run_id: str) -> None:
    """Write down that a look cannot be finished. It counts all the same."""
    client.set_tag(run_id, "look.opened", "never")


def is_unfinished(run: Run) -> bool:
    """Tell whether a look was sealed and then cut short."""
    return "look.opened" not in run.data.tags


def _read_looks(client: MlflowClient, run: Run) -> list[FinalLookRecord]:
    return [_look(values) for values in read_json(client, run, "looks.json")["looks"]]


def _look(values: dict[str, Any]) -> FinalLookRecord:
    return FinalLookRecord(
        **{
            **values,
            "look": LookRecord(**values["look"]),
            "by_seed": tuple(values["by_seed"]),
            "differences": _differences(values["differences"]),
        }
    )


def _differences(rows: list[dict[str, Any]]) -> tuple[DifferenceRecord, ...]:
    return tuple(DifferenceRecord(**row) for row in rows)
