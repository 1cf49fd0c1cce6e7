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
from tracking.records import (
    ArrayRecord,
    BaselineRecord,
    DataRecord,
    DataReportRecord,
    EarlierPlanRecord,
    PlanRecord,
    ReferenceRecord,
    SourceRecord,
)

# How the records of a study lie in MLflow. "1" had no tag.
SCHEMA_TAG, SCHEMA = "schema", "2"


class OtherSchema(UserError):
    """The records of a study were made by another version of this program."""


def write_plan(client: MlflowClient, run_id: str, plan: PlanRecord) -> None:
    client.log_dict(run_id, asdict(plan), "plan.json")
    if plan.file:
        client.log_text(run_id, plan.file, "plan.toml")
    for source in plan.sources:
        client.log_text(run_id, source.text, f"source/{source.name}")
    tags = {
        "plan.name": plan.plan,
        "plan.families": ", ".join(plan.families),
        "plan.seed": str(plan.seed),
        "plan.engine": plan.engine,
        "plan.sampler": plan.sampler,
        "plan.pruner": plan.pruner,
        **data_tags(plan.data),
    }
    if plan.sources:
        shown = [f"{source.name} {source.sha256}" for source in plan.sources]
        tags["plan.source"] = ", ".join(shown)
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
    """Read the plan of a study.

    Raises:
        OtherSchema: if another version of this program made its records.
        Unreadable: if they are damaged.
    """
    check_schema(parent)
    with reading(parent):
        return _plan(read_json(client, parent, "plan.json"))


def check_schema(parent: Run) -> None:
    """Make sure that this version can read the records of a study.

    Raises:
        OtherSchema: if it cannot.
    """
    found = parent.data.tags.get(SCHEMA_TAG, "1")
    if found != SCHEMA:
        name = parent.info.run_name
        raise OtherSchema(
            f"the records of study {name} must have schema {SCHEMA}, but have schema {found}: "
            "another version of seqsearch made them, and reads them. "
            "python -m search.run with --fresh puts them aside and starts anew."
        )


def _plan(plan: dict[str, Any]) -> PlanRecord:
    return PlanRecord(
        **{
            **plan,
            "families": tuple(plan["families"]),
            "goals": tuple(plan["goals"]),
            "references": tuple(ReferenceRecord(**known) for known in plan["references"]),
            "baselines": tuple(BaselineRecord(**baseline) for baseline in plan["baselines"]),
            "data": _data(plan["data"]),
            "sources": tuple(map(_source, plan.get("sources", ()))),
            "earlier": tuple(map(_earlier, plan.get("earlier", ()))),
            "enqueued": {n: _queued(values) for n, values in plan.get("enqueued", {}).items()},
        }
    )


def _earlier(plan: dict[str, Any]) -> EarlierPlanRecord:
    return EarlierPlanRecord(**{**plan, "families": tuple(plan["families"])})


def _queued(values: dict[str, Any]) -> dict[str, Any]:
    if "model.family" not in values:
        raise ValueError("a queued trial names no family")
    return values


def _source(source: dict[str, Any]) -> SourceRecord:
    return SourceRecord(**{**source, "families": tuple(source["families"])})


def _data(data: dict[str, Any]) -> DataRecord:
    found = data.get("report")
    return DataRecord(
        **{
            **data,
            "classes": tuple(data["classes"]),
            "report": None if found is None else DataReportRecord.of(found),
            "arrays": {key: ArrayRecord(**array) for key, array in data.get("arrays", {}).items()},
        }
    )


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
