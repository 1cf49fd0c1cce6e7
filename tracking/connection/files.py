"""The files of a run: in a folder of this machine, or kept by an MLflow server.

What a store says about places is not trusted: a path is used only if it lies where the files of
that run must be, with no link on the way (`inside`).
"""

from __future__ import annotations

import atexit
import json
import os
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

from tracking.commandline.errors import UserError
from tracking.connection.damage import RUN_ID, Unreadable


def folder(address: str) -> Path | None:
    """The folder that an address of MLflow names; None if a server keeps the files."""
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def inside(place: Path, *names: str) -> Path:
    """Return a path below a folder.

    Raises:
        ValueError: if it would lie elsewhere, be the folder itself, or lead through a link.
    """
    real = os.path.realpath(place)
    wanted = os.path.join(real, *names)
    if os.path.realpath(wanted) != wanted or not wanted.startswith(real + os.sep):
        raise ValueError(f"{'/'.join(names)!r} does not lie in {place}")
    return Path(wanted)


def folder_of(client: MlflowClient, run: Run) -> Path | None:
    """Return the folder of a run's files; None if a server keeps them.

    Raises:
        Unreadable: if the record names a folder that is not the run's.
    """
    run_id, address = run.info.run_id, run.info.artifact_uri
    if not RUN_ID.fullmatch(run_id):
        raise Unreadable(run, "its id is not one of MLflow's")
    try:
        named = folder(address)
        if named is None:
            return None
        own = inside(_base(client) or named.parents[1], run_id, "artifacts")
        is_own = os.path.realpath(named) == str(own)
    except (ValueError, IndexError):
        is_own = False
    if not is_own:
        raise Unreadable(
            run, f"its files are said to lie in {address[:200]!r}, outside of its folder"
        )
    return own


def local(client: MlflowClient, address: str) -> Path | None:
    """Return the folder that an address names, below that of all files; None if on a server.

    Raises:
        UserError: if it lies elsewhere.
    """
    here, base = folder(address), _base(client)
    if here is None or base is None:
        return here
    try:
        return inside(base, os.path.relpath(os.path.realpath(here), os.path.realpath(base)))
    except ValueError:
        raise UserError(
            f"files must lie in {base}, but the records name {address[:200]!r}."
        ) from None


def file_of(client: MlflowClient, run: Run, name: str) -> Path | None:
    """Return where a file of a run lies or would lie; None if a server keeps it.

    Raises:
        Unreadable: if that is not in the run's folder.
    """
    here = folder_of(client, run)
    if here is None:
        return None
    try:
        return inside(here, *name.split("/"))
    except ValueError:
        raise Unreadable(run, f"{name} is a link, or lies outside of its folder") from None


def read_json(client: MlflowClient, run: Run, name: str) -> dict[str, Any]:
    """Read a file that the run must have."""
    text = read_text(client, run, name)
    if text is None:
        raise Unreadable(run, f"{name} is missing")
    try:
        content = json.loads(text)
    except ValueError:
        raise Unreadable(run, f"{name} cannot be read, as if it were cut") from None
    if not isinstance(content, dict):
        raise Unreadable(run, f"{name} does not hold what it should")
    return content


def read_text(client: MlflowClient, run: Run, name: str) -> str | None:
    """Return a file's text; None if the run has no such file."""
    here = file_of(client, run, name)
    if here is None and not has(client, run, name):
        return None
    # As bytes: a text can hold a carriage return, which reading as text would turn around.
    try:
        if here is not None:
            return here.read_bytes().decode("utf-8")
        with at_hand(client, run, name) as fetched:
            return fetched.read_bytes().decode("utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(run, f"{name} cannot be read ({type(error).__name__})") from error


def fetch(client: MlflowClient, run: Run, name: str) -> Path:
    """Return a file of a run; from a server it is copied here, until the program ends."""
    here = file_of(client, run, name)
    return copy(client, run.info.artifact_uri, name) if here is None else here


@contextmanager
def at_hand(client: MlflowClient, run: Run, name: str) -> Iterator[Path]:
    """Have a file of a run on this machine, from a server for as long as this lasts."""
    here = file_of(client, run, name)
    if here is not None:
        yield here
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
    here = file_of(client, run, name)
    if here is not None:
        here.unlink(missing_ok=True)
    elif has(client, run, name):
        repository(client, run.info.artifact_uri).delete_artifacts(name)


def repository(client: MlflowClient, address: str) -> Any:  # MLflow leaves it untyped
    """Open what MLflow keeps at an address."""
    return get_artifact_repository(address, tracking_uri=client.tracking_uri)


def has(client: MlflowClient, run: Run, name: str) -> bool:
    """Return whether a run has a file of this name."""
    here = file_of(client, run, name)
    if here is not None:
        return here.is_file()
    within = name.rpartition("/")[0] or None
    return name in {file.path for file in client.list_artifacts(run.info.run_id, within)}


def names(client: MlflowClient, run: Run) -> list[str]:
    """Name the files of a run, those in folders aside."""
    here = folder_of(client, run)
    if here is not None:
        return sorted(file.name for file in here.glob("*") if file.is_file())
    listed = client.list_artifacts(run.info.run_id)
    return sorted(file.path for file in listed if not file.is_dir)


def _base(client: MlflowClient) -> Path | None:
    """The folder of all files of these records; None if a server keeps them."""
    base: Path | None = getattr(client, "artifacts", None)
    return base
