"""The models of trials, as MLflow's LoggedModels: raw text in, label and probabilities out.

A trial's run names its model in the tag model.id; model.kept says whether its files are there.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from requests import HTTPError

from tracking.connection import damage, files
from tracking.connection.durable import written
from tracking.connection.files import folder
from tracking.models import source_files
from tracking.records import SourceRecord

# It complains that it finds no pip, which an environment made by uv does not have.
logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)

CLASSES, MODEL = "classes.json", "model.keras"
_PLACE = f"data/model/{MODEL}"  # within what MLflow keeps of a model
_PACKAGES = ("seqsearch", "tensorflow", "keras", "numpy", "pandas")


def keep(
    client: MlflowClient,
    run_id: str,
    model: Path,
    classes: Sequence[str],
    epoch: int,
    loader: str,
    source: SourceRecord | None = None,
) -> None:
    """Write a model with its labels and its signature.

    Args:
        epoch: the one whose weights it has.
        loader: the module that MLflow loads it with.
        source: the Python file that defines its family; None where it is one of ours.
    """
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=run.info.run_name,
        source_run_id=run_id,
        model_type="classifier",
        params={name: value[:500] for name, value in run.data.params.items()},
    )
    client.set_tag(run_id, "model.id", logged.model_id)  # first: half a model can be found
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as building:
        data = Path(building) / "model"
        data.mkdir()
        shutil.copyfile(model, data / MODEL)
        (data / CLASSES).write_text(json.dumps(list(classes)), "utf-8")
        if source is not None:
            source_files.write(data, source)
        whole = Path(building) / "whole"
        ids = {"model_id": logged.model_id, "run_id": run_id}
        save(whole, data, classes, loader, ids, _PACKAGES)
        client.log_model_artifacts(logged.model_id, str(whole))
    here = folder(logged.artifact_location)
    if here is not None:
        written(here)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, epoch)])
    client.set_tag(run_id, "model.kept", "True")  # last: now it is whole


def is_kept(client: MlflowClient, run: Run) -> bool:
    """Return whether a trial's model is there, whole."""
    if run.data.tags.get("model.kept") != "True":
        return False
    is_on_server = folder(run.info.artifact_uri) is None
    return is_on_server or fetch(client, run).is_file()


def is_left(client: MlflowClient, run: Run) -> bool:
    """Return whether anything of a model is there, half a one included."""
    return "model.id" in run.data.tags and run.data.tags.get("model.kept") != "False"


def fetch(client: MlflowClient, run: Run) -> Path:
    """Return the kept model of a trial: raw text in, probabilities out.

    From a server it is copied to this machine, until the program ends.
    """
    here = _folder(client, run, "artifacts", *_PLACE.split("/"))
    return files.copy(client, _address(client, run), _PLACE) if here is None else here


def drop(client: MlflowClient, run: Run) -> None:
    """Delete a trial's model from disk, and say so in its run. Doing it twice changes nothing."""
    if "model.id" in run.data.tags:
        _delete_files(client, run)
        with suppress(MlflowException):  # an earlier process deleted it and was then killed
            client.delete_logged_model(_id(client, run))
    client.set_tag(run.info.run_id, "model.kept", "False")


def save(
    whole: Path,
    data: Path,
    classes: Sequence[str],
    loader: str,
    ids: dict[str, Any],
    packages: Sequence[str],
    example: str | None = None,
) -> None:
    """Write a folder as MLflow's pyfunc: a table of texts in, label and probabilities out.

    Args:
        ids: of the LoggedModel and its run.
        packages: those that it needs, with the versions that are installed.
        example: a text to try it with.
    """
    import mlflow.pyfunc  # here, for it takes a second that programs which only read can save
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema
    from pandas import DataFrame

    probabilities = [ColSpec("double", f"p_{name}") for name in classes]
    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "text")]),
        outputs=Schema([ColSpec("string", "label"), *probabilities]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the signature needs no example
        mlflow.pyfunc.save_model(
            whole,
            loader_module=loader,
            data_path=str(data),
            signature=signature,
            # Named, for MLflow would load the model in a process of its own to find them.
            pip_requirements=[f"{name}=={metadata.version(name)}" for name in packages],
            mlflow_model=Model(**ids),
            input_example=None if example is None else DataFrame({"text": [example]}),
        )


def bad_request(message: str) -> MlflowException:
    """Return the exception whose message MLflow's server sends to its client."""
    return MlflowException(message, error_code=BAD_REQUEST)


def _delete_files(client: MlflowClient, run: Run) -> None:
    here = _folder(client, run)
    if here is not None:
        shutil.rmtree(here, ignore_errors=True)
    else:
        # Some servers can delete nothing; then the tag alone says that it is not kept.
        with suppress(MlflowException, HTTPError):
            files.repository(client, _address(client, run)).delete_artifacts()


def _id(client: MlflowClient, run: Run) -> str:
    """Return the id of a run's own model."""
    model_id = damage.tag(run, "model.id", damage.MODEL_ID, "the id of a model")
    with suppress(MlflowException):  # it was deleted, and its files before it
        if client.get_logged_model(model_id).source_run_id != run.info.run_id:
            raise damage.Unreadable(run, f"its tag model.id is {model_id}, another run's model")
    return model_id


def _address(client: MlflowClient, run: Run) -> str:
    """Where a server keeps the model of a run: beside the folders of the experiment's runs."""
    experiment = run.info.artifact_uri.rsplit("/", 2)[0]
    return f"{experiment}/models/{_id(client, run)}/artifacts"


def _folder(client: MlflowClient, run: Run, *names: str) -> Path | None:
    """Return the folder of a run's model, or what lies in it; None if a server keeps it."""
    here = files.folder_of(client, run)
    if here is None:
        return None
    try:
        return files.inside(here.parents[1], "models", _id(client, run), *names)
    except ValueError:
        raise damage.Unreadable(run, "the folder of its model is a link") from None
