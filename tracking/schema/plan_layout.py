"""How a study's plan lies in MLflow: plan.json of the parent run, and tags of it for the UI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Run, RunTag

from tracking.commandline.errors import UserError
from tracking.commandline.redaction import redact
from tracking.connection.damage import reading
from tracking.connection.files import read_json
from tracking.records import ArrayRecord, BaselineRecord, DataRecord, PlanRecord, ReferenceRecord

# How the records of a study lie in MLflow. In "1", which had no tag, a trial that was stopped
# was made again under another number.
SCHEMA_TAG, SCHEMA = "schema", "2"


def refuse_other_schema(parent: Run, study: str) -> None:
    """Refuse to go on with records that another version of this program made.

    Raises:
        UserError: if it did.
    """
    found = parent.data.tags.get(SCHEMA_TAG, "1")
    if found != SCHEMA:
        raise UserError(
            f"the records of study {study} must have schema {SCHEMA} to be continued, but have "
            f"schema {found}, of another version of seqsearch. They can still be read; "
            f"python -m search.run --study {study} --fresh puts them aside and starts anew."
        )


def write_plan(client: MlflowClient, run_id: str, plan: PlanRecord) -> None:
    client.log_dict(run_id, asdict(plan), "plan.json")
    tags = {
        "plan.name": plan.plan,
        "plan.families": ", ".join(plan.families),
        "plan.seed": str(plan.seed),
        "plan.engine": plan.engine,
        "plan.sampler": plan.sampler,
        "plan.pruner": plan.pruner,
        **data_tags(plan.data),
    }
    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def array_tags(arrays: Mapping[str, ArrayRecord]) -> dict[str, str]:
    """Return the tags that say what a run learned from beside the texts.

    Args:
        arrays: by hyperparameter.
    """
    tags: dict[str, str] = {}
    for name, array in arrays.items():
        tags |= {f"{name}.digest": array.digest, f"{name}.source": redact(array.source)}
        tags |= {f"{name}.{fact}": f"{value:.4f}" for fact, value in array.facts.items()}
    return tags


def data_tags(data: DataRecord) -> dict[str, str]:
    """Return the tags that say which data a run used."""
    return {
        "data.name": data.name,
        "data.official": str(data.official),
        "data.digest": data.digest,
        "data.split_digest": data.split_digest,
    }


def read_plan(client: MlflowClient, parent: Run) -> PlanRecord:
    with reading(parent):
        return _plan(_upgraded(read_json(client, parent, "plan.json")))


def _plan(plan: dict[str, Any]) -> PlanRecord:
    data = plan["data"]
    return PlanRecord(
        **{
            **plan,
            "families": tuple(plan["families"]),
            "goals": tuple(plan.get("goals", ("val_accuracy",))),
            "references": tuple(ReferenceRecord(**known) for known in plan["references"]),
            "baselines": tuple(BaselineRecord(**baseline) for baseline in plan["baselines"]),
            "data": DataRecord(
                **{
                    **data,
                    "classes": tuple(data["classes"]),
                    "arrays": {
                        key: ArrayRecord(**array) for key, array in data.get("arrays", {}).items()
                    },
                }
            ),
        }
    )


def _upgraded(plan: dict[str, Any]) -> dict[str, Any]:
    """Read what was recorded before 2026-11-24.

    There was one engine, and no word of it; before that one family, and of references the names.
    """
    if "engine" not in plan:
        plan = {**plan, "engine": "optuna" if plan["space"] else ""}
    if "families" in plan:
        return plan
    known = [
        asdict(ReferenceRecord(name, None, "", "", trained_as=name)) for name in plan["references"]
    ]
    rest = {name: value for name, value in plan.items() if name != "family"}
    return {**rest, "families": [plan["family"]], "references": known}


def data_input(data: DataRecord) -> DatasetInput:
    """Return the data set as MLflow shows it beside a run: what it was trained on."""
    profile = {"texts": dict(data.n_texts), "validation split": data.split_digest}
    dataset = Dataset(
        name=data.name,
        digest=data.digest,
        source_type="local",
        source=json.dumps({"uri": redact(data.note)}),
        schema=json.dumps({"text": "string", "label": list(data.classes)}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
