"""The files of a run, on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mlflow.entities import Run


def artifacts(run: Run) -> Path:
    """The folder of a run's files."""
    return Path(unquote(urlsplit(run.info.artifact_uri).path))


def read_json(run: Run, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((artifacts(run) / name).read_text("utf-8"))
    return content


def read_text(run: Run, name: str) -> str | None:
    """Give a file's text; None if the run has no such file."""
    file = artifacts(run) / name
    # As bytes: a text can hold a carriage return, which reading as text would turn around.
    return file.read_bytes().decode("utf-8") if file.is_file() else None
