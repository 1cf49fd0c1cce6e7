"""Where MLflow's records are: a SQLite file in the folder of the records, or --tracking-uri.

The folder (SEQSEARCH_MLRUNS) holds the rest in any case: locks, pages, and what the engine
remembers. Files of runs lie in it too, unless an MLflow server keeps them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracking.cli import TRACKING_URI, UserError
from tracking.environment import redact

_SECONDS = 10


def database(root: Path) -> Path:
    """The SQLite file of a folder."""
    return root / "mlflow.db"


def named() -> str:
    """What --tracking-uri named: a server or a database; empty for the file in the folder."""
    return os.environ.get(TRACKING_URI, "")


def tracking_uri(root: Path) -> str:
    """Give MLflow's address of the records."""
    return named() or f"sqlite:///{database(root)}"


def on_server() -> bool:
    """Whether an MLflow server keeps the records, and the files of the runs with them."""
    return urlsplit(named()).scheme in ("http", "https")


def exists(root: Path) -> bool:
    """Tell whether there can be records; make sure that a server or database answers.

    Raises:
        UserError: if it does not.
    """
    if not named():
        return database(root).is_file()
    if on_server():
        _ask_server(named())
        return True
    return _ask_database(named())


def connect(uri: str) -> Any:
    """Give a SQLAlchemy engine for the database of the records."""
    import sqlalchemy

    # So that a server which is away is said within seconds, and a connection that was cut while
    # it was idle is made anew.
    limits = {} if uri.startswith("sqlite") else {"connect_timeout": _SECONDS}
    return sqlalchemy.create_engine(uri, connect_args=limits, pool_pre_ping=True)


def _ask_server(uri: str) -> None:
    import requests

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise _no_answer(uri, "MLflow server", type(error).__name__) from None


def _ask_database(uri: str) -> bool:
    """Tell whether MLflow has made its tables in a database."""
    import sqlalchemy

    try:
        engine = connect(uri)
        there: bool = sqlalchemy.inspect(engine).has_table("experiments")
        engine.dispose()
    except ModuleNotFoundError as error:
        raise UserError(
            f"{redact(uri)} needs the package {error.name}: pip install 'seqsearch[postgresql]'."
        ) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise _no_answer(uri, "database", redact(cause)) from None
    return there


def _no_answer(uri: str, what: str, why: str) -> UserError:
    return UserError(
        f"the records are to be in {redact(uri)}, but no {what} answers there: {why}."
    )
