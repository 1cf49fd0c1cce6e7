"""How the finals of a study lie in MLflow. What is written here is read here.

repeat    a run of the kind "repeat" below its trial's, laid out as a trial's (trial_layout.py)
finals    a file finals/NAME.json of the parent run; the tag finals.file says which one counts
seal      a run of the kind "look" with seal.json
look      looks.json of the same run, once there is something to read
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
    ExpectedRecord,
    FinalLookRecord,
    FinalsRecord,
    LookRecord,
    RepeatRecord,
    Role,
    SealItemRecord,
    SealRecord,
    StudyRecord,
    UnreadableRecord,
)
from tracking.schema import epochs_layout, params_layout, trial_layout

REPEAT, LOOK = "repeat", "look"
HALF_LOOK = "half a look"  # what a look is called until it is sealed; nobody has looked yet
FINALS = "finals.file"  # the tag that says which file counts
MODEL, PREDICTIONS = "model.keras", "validation.npy"


def with_finals(
    client: MlflowClient, experiment: str, parent: Run, study: StudyRecord
) -> StudyRecord:
    """Add to a study what came after its search."""
    runs = list(of_kind(client, experiment, LOOK))
    opened = (run for run in runs if is_opened(run))
    looks, lost_looks = readable(opened, lambda run: _read_looks(client, run))
    repeats, lost_repeats = read_repeats(client, experiment)
    finals, lost_finals = readable([parent], lambda run: _read_finals(client, run))
    return replace(
        study,
        repeats=repeats,
        final_looks=tuple(sorted(itertools.chain(*looks), key=lambda look: look.n)),
        finals=finals[0] if finals else None,
        n_sealed=len(runs),
        unreadable=(*study.unreadable, *lost_repeats, *lost_looks, *lost_finals),
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


def read_repeats(
    client: MlflowClient, experiment: str
) -> tuple[tuple[RepeatRecord, ...], list[UnreadableRecord]]:
    """Give the repeats in the order in which they were begun, and those that cannot be read."""
    runs = sorted(of_kind(client, experiment, REPEAT), key=lambda run: run.info.start_time or 0)
    found, lost = readable(runs, lambda run: _read_repeat(client, run))
    return tuple(found), lost


def _read_repeat(client: MlflowClient, run: Run) -> RepeatRecord:
    roles: dict[str, Role] = {role: role for role in get_args(Role)}
    form = re.compile("|".join(roles))
    with reading(run):
        state = trial_layout.read_state(run)
        return RepeatRecord(
            role=roles[damage.tag(run, "repeat.role", form, f"one of {', '.join(roles)}")],
            of=_repeated(run),
            index=damage.number(run, "repeat.index"),
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


def _repeated(run: Run) -> int | str:
    """Return what a repeat trains again: a trial's number, or a name."""
    of: object = json.loads(damage.tag(run, "repeat.of"))
    if isinstance(of, bool) or not isinstance(of, int | str):
        raise Unreadable(run, "its tag repeat.of is neither a number nor a name")
    return of


def write_finals(client: MlflowClient, parent: str, finals: FinalsRecord) -> None:
    text = json.dumps(asdict(finals), indent=2)
    name = f"finals/{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    client.log_text(parent, text, name)
    client.set_tag(parent, FINALS, name)  # last: now it is whole


def _read_finals(client: MlflowClient, parent: Run) -> FinalsRecord | None:
    if FINALS not in parent.data.tags:
        return None
    with reading(parent):
        values = read_json(client, parent, finals_file(parent))
        return FinalsRecord(
            **{
                **values,
                "ranking": tuple(values["ranking"]),
                "differences": _differences(values["differences"]),
                "expected": tuple(ExpectedRecord(**point) for point in values["expected"]),
            }
        )


def finals_file(parent: Run) -> str:
    """Return the name of the file that holds the finals that count."""
    form = re.compile(r"finals/[0-9a-f]{8}\.json")
    return damage.tag(parent, FINALS, form, "the name of a file such as finals/01234567.json")


def write_seal(client: MlflowClient, run_id: str, seal: SealRecord) -> None:
    client.log_dict(run_id, asdict(seal), "seal.json")
    tags = {"look.n": str(seal.n), "look.who": seal.who, "look.sealed_at": seal.sealed_at}
    for name, value in tags.items():
        client.set_tag(run_id, name, value)
    client.set_tag(run_id, "kind", LOOK)  # last: from here on it counts


def read_seal(client: MlflowClient, run: Run) -> SealRecord:
    with reading(run):
        values = read_json(client, run, "seal.json")
        items = tuple(SealItemRecord(**item) for item in values["items"])
        for run_id in (one for item in items for one in (*item.models, item.chosen)):
            if not damage.RUN_ID.fullmatch(run_id):
                raise ValueError(f"{run_id[:60]!r} is not the id of a run")
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
    with reading(run):
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
