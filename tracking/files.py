"""The files of a run: in a folder of this machine, or kept by an MLflow server."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository


def folder(address: str) -> Path | None:
    """The folder that an address of MLflow names; None if a server keeps the files."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def read_json(client: MlflowClient, run: Run, name: str) -> dict[str, Any]:
    """Read a file that the run must have."""
    text = read_text(client, run, name)
    if text is None:
        raise FileNotFoundError(f"{run.info.artifact_uri} has no {name}")
    content: dict[str, Any] = json.loads(text)
    return content


def read_text(client: MlflowClient, run: Run, name: str) -> str | None:
    """Give a file's text; None if the run has no such file."""
    here = folder(run.info.artifact_uri)
    # As bytes: a text can hold a carriage return, which reading as text would turn around.
    if here is not None:
        file = here / name
        return file.read_bytes().decode("utf-8") if file.is_file() else None
    if not has(client, run, name):
        return None
    with at_hand(client, run, name) as fetched:
        return fetched.read_bytes().decode("utf-8")


def fetch(client: MlflowClient, run: Run, name: str) -> Path:
    """Give a file of a run; from a server it is copied here, until the program ends."""
    here = folder(run.info.artifact_uri)
    return here / name if here is not None else copy(client, run.info.artifact_uri, name)


@contextmanager
def at_hand(client: MlflowClient, run: Run, name: str) -> Iterator[Path]:
    """Have a file of a run on this machine, from a server for as long as this lasts."""
    here = folder(run.info.artifact_uri)
    if here is not None:
        yield here / name
        return
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as there:
        yield Path(client.download_artifacts(run.info.run_id, name, there))


def copy(client: MlflowClient, address: str, name: str) -> Path:
    """Copy a file from a server to this machine, until the program ends."""
    place = tempfile.mkdtemp(prefix="seqsearch-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return Path(str(repository(client, address).download_artifacts(name, place)))


def delete(client: MlflowClient, run: Run, name: str) -> None:
    """Delete a file of a run, if it is there."""
    here = folder(run.info.artifact_uri)
    if here is not None:
        (here / name).unlink(missing_ok=True)
    elif has(client, run, name):
        repository(client, run.info.artifact_uri).delete_artifacts(name)


def repository(client: MlflowClient, address: str) -> Any:  # MLflow leaves it untyped
    """Open what MLflow keeps at an address."""
    return get_artifact_repository(address, tracking_uri=client.tracking_uri)


def has(client: MlflowClient, run: Run, name: str) -> bool:
    """Tell whether a run has a file of this name."""
    here = folder(run.info.artifact_uri)
    if here is not None:
        return (here / name).is_file()
    within = name.rpartition("/")[0] or None
    return name in {file.path for file in client.list_artifacts(run.info.run_id, within)}


def names(client: MlflowClient, run: Run) -> list[str]:
    """Name the files of a run, those in folders aside."""
    here = folder(run.info.artifact_uri)
    if here is not None:
        return sorted(file.name for file in here.glob("*") if file.is_file())
    listed = client.list_artifacts(run.info.run_id)
    return sorted(file.path for file in listed if not file.is_dir)
