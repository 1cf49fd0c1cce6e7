"""MLflow's model registry: versions of exported models, and the alias that names the best one.

A version holds a bundle as MLflow's pyfunc: raw text in, label and probabilities out. Its tags
lead back to study, trial and commit, and say what the alias is decided by.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from tracking.commandline.errors import UserError
from tracking.commandline.formatting import percent
from tracking.connection import address, files
from tracking.connection.runs import connect
from tracking.models import kept_models
from tracking.models.model_names import PREFIX, check_names
from tracking.records import StudyRecord, TrialRecord

_LONGEST_DESCRIPTION = 5_000  # characters: the registry's column holds no more
_BUNDLE = "bundle"
_EXAMPLE = "A wonderful film."


@dataclass(frozen=True)
class Registration:
    """What is to be registered.

    Attributes:
        alias: to move to the new version; empty moves none.
        force: move it even if the new version is not better.
        refitted: trained once more on training and validation part together.
        what: "trial 7", or an ensemble with its trials.
    """

    model: str
    alias: str
    force: bool
    study: StudyRecord
    trial: TrialRecord
    commit: str
    refitted: bool
    what: str


def check(root: Path, wanted: Registration) -> None:
    """Make sure that the version may be registered, before anything is made for it.

    Raises:
        UserError: if the name is none, or the alias stands on a version that is no worse, or that
            was measured on other data.
    """
    check_names(wanted.model, wanted.alias)
    holder = _holder(connect(root), wanted.model, wanted.alias) if wanted.alias else None
    if holder is None or wanted.force:
        return
    why = _why_not(holder, wanted)
    if why:
        raise UserError(
            f"the alias {wanted.alias} stays on version {holder.version} of {wanted.model}: {why} "
            "--force moves it all the same; without --alias the version is registered only."
        )


def register(
    root: Path,
    wanted: Registration,
    bundle: Path,
    card: str,
    loader: str,
    packages: Sequence[str],
) -> str:
    """Register a bundle, whole, and move the alias last.

    Args:
        card: in Markdown, becomes the description.
        loader: the module that MLflow loads it with.
        packages: those that it needs.

    Returns:
        the number of the version.
    """
    from filelock import FileLock

    with FileLock(root / "mlflow.lock"):
        check(root, wanted)  # again, for another process may have registered meanwhile
        client = connect(root)
        logged = _log(client, wanted, bundle, loader, packages)
        if not client.search_registered_models(f"name='{wanted.model}'"):
            client.create_registered_model(wanted.model)
        version = client.create_model_version(
            wanted.model,
            # A server allows no paths. Without one, MLflow would look for the id in the records
            # that are this process's own by default, whatever the client's are.
            f"{PREFIX}{logged.model_id}" if address.on_server() else logged.artifact_location,
            run_id=wanted.trial.run_id,
            tags=_tags(wanted),
            description=_shortened(card),
            model_id=logged.model_id,
        )
        if wanted.alias:
            client.set_registered_model_alias(wanted.model, wanted.alias, version.version)
    return str(version.version)


def fetch(root: Path, uri: str) -> Path:
    """Return the folder that a model of MLflow is loaded from: a bundle, or what a trial keeps.

    Args:
        uri: models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-...

    Raises:
        UserError: if there is no such model, or it is not one of ours.
    """
    client = connect(root)
    name = uri.removeprefix(PREFIX)
    try:
        place = _address(client, name)
    except MlflowException as error:
        raise UserError(
            f"there is no model {uri!r} in {root}: {error.message.splitlines()[0]} "
            f"Registered: {', '.join(_names(client)) or 'none'}."
        ) from error
    here = files.local(client, place) or files.copy(client, place, "")
    for data in (here / "data" / _BUNDLE, here / "data" / "model"):
        if data.is_dir():
            return data
    raise UserError(f"{uri} was not registered by search.export, nor kept by search.run.")


def _address(client: MlflowClient, name: str) -> str:
    if name.startswith("m-") and "/" not in name and "@" not in name:
        return str(client.get_logged_model(name).artifact_location)
    model, at, alias = name.partition("@")
    if at:
        version = client.get_model_version_by_alias(model, alias)
    else:
        model, _, number = name.partition("/")
        version = client.get_model_version(model, number)
    place = str(client.get_model_version_download_uri(version.name, version.version))
    if place.startswith(PREFIX):
        return _address(client, place.removeprefix(PREFIX))
    return place


def _names(client: MlflowClient) -> list[str]:
    return sorted(model.name for model in client.search_registered_models())


def _holder(client: MlflowClient, model: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias stands on."""
    for found in client.search_registered_models(f"name='{model}'"):
        if alias in found.aliases:
            return client.get_model_version_by_alias(model, alias)
    return None


def _why_not(holder: ModelVersion, wanted: Registration) -> str:
    """Say why the alias should not leave a version; empty where it should."""
    data, score = wanted.study.plan.data, wanted.trial.score
    assert score is not None
    theirs = (holder.tags.get("data.digest", ""), holder.tags.get("data.split_digest", ""))
    if theirs != (data.digest, data.split_digest):
        return (
            f"it was measured on other validation texts ({'/'.join(theirs).strip('/') or 'none'} "
            f"instead of {data.digest}/{data.split_digest}), so the two cannot be compared."
        )
    try:
        before = float(holder.tags["val_accuracy"])
    except (KeyError, ValueError):
        return "its tag val_accuracy is no number, so the two cannot be compared."
    if score.val_accuracy <= before:
        return (
            f"it has {percent(before)} on validation, and {wanted.what} of "
            f"{wanted.study.plan.study} with {percent(score.val_accuracy)} is not better."
        )
    return ""


def _log(
    client: MlflowClient, wanted: Registration, bundle: Path, loader: str, packages: Sequence[str]
) -> LoggedModel:
    """Write the bundle as a model of MLflow's."""
    run = client.get_run(wanted.trial.run_id)
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=wanted.model,
        source_run_id=wanted.trial.run_id,
        model_type="classifier",
        tags={**_tags(wanted), "exported": "True"},
    )
    ids = {"model_id": logged.model_id, "run_id": wanted.trial.run_id}
    classes = wanted.study.plan.data.classes
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as building:
        data = Path(building) / _BUNDLE
        shutil.copytree(bundle, data)
        whole = Path(building) / "whole"
        kept_models.save(whole, data, classes, loader, ids, packages, example=_EXAMPLE)
        client.log_model_artifacts(logged.model_id, str(whole))
    return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _tags(wanted: Registration) -> dict[str, str]:
    data, score = wanted.study.plan.data, wanted.trial.score
    assert score is not None
    return {
        "study": wanted.study.plan.study,
        "trial": str(wanted.trial.number),
        "what": wanted.what,
        "family": wanted.trial.family,
        "trial.run_id": wanted.trial.run_id,
        "commit": wanted.commit,
        "val_accuracy": repr(score.val_accuracy),
        "data": data.name,
        "data.digest": data.digest,
        "data.split_digest": data.split_digest,
        "refitted": str(wanted.refitted),
    }


def _shortened(card: str) -> str:
    if len(card) <= _LONGEST_DESCRIPTION:
        return card
    end = "\n\n... (the whole card lies with the files: data/bundle/card.md)\n"
    kept = card[: _LONGEST_DESCRIPTION - len(end)]
    return kept[: kept.rindex("\n")] + end
