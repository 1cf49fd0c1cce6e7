"""Where MLflow's records are: a SQLite file in the folder of the records, or --tracking-uri.

The folder (SEQSEARCH_MLRUNS) holds the rest in any case: locks, pages, and what the engine
remembers. Files of runs lie in it too, unless an MLflow server keeps them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tracking.commandline.errors import UserError
from tracking.commandline.paths import TRACKING_URI
from tracking.commandline.redaction import redact

_SECONDS = 10
# Of connections to PostgreSQL: a server that is away is said within seconds, and one that vanished
# without a word is noticed within half a minute.
LIMITS = {
    "connect_timeout": _SECONDS,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def database(root: Path) -> Path:
    """The SQLite file of a folder."""
    return root / "mlflow.db"


def named() -> str:
    """What --tracking-uri named: a server or a database; empty for the file in the folder."""
    return os.environ.get(TRACKING_URI, "")


def tracking_uri(root: Path) -> str:
    """Return MLflow's address of the records."""
    if named().startswith("postgresql"):
        return _with_limits(named())
    return named() or sqlite_uri(database(root))


def sqlite_uri(file: Path) -> str:
    """Return SQLAlchemy's address of a SQLite file, whose path can hold ?, # and %."""
    import sqlalchemy

    uri = _render("sqlite", file)
    if (
        "%" in uri
    ):  # by its short name MLflow makes a folder of what is quoted, beside the real one
        uri = _render("sqlite+pysqlite", file)
    if sqlalchemy.make_url(uri).database != str(file):
        raise UserError(f"SQLAlchemy before 2.1 cannot open {file}: its path must have no ?.")
    return uri


def unusable(root: Path, error: BaseException) -> UserError:
    """Say that MLflow's database cannot be used: it is damaged, foreign, or of another version."""
    import mlflow

    from tracking.commandline.errors import cause

    where = redact(named()) or str(database(root))
    said = cause(error).rstrip(".")
    return UserError(
        f"{where} cannot be used by MLflow {mlflow.__version__}: {said}. Put a backup in its "
        "place, install the version of MLflow that made it, or let SEQSEARCH_MLRUNS name "
        "another folder."
    )


def _render(driver: str, file: Path) -> str:
    import sqlalchemy

    return sqlalchemy.URL.create(driver, database=str(file)).render_as_string()


def on_server() -> bool:
    """Whether an MLflow server keeps the records, and the files of the runs with them."""
    return urlsplit(named()).scheme in ("http", "https")


def exists(root: Path) -> bool:
    """Return whether there can be records; make sure that a server or database answers.

    Raises:
        UserError: if it does not.
    """
    if not named():
        return database(root).is_file()
    if on_server():
        _ask_server(named())
        return True
    return _ask_database(named())


def connect(uri: str, *, alone: bool = False, application_name: str | None = None) -> Any:
    """Return a SQLAlchemy engine for the database of the records.

    Args:
        alone: each connection is made when it is asked for, and each statement is its own
            transaction.
        application_name: what PostgreSQL calls its connections.
    """
    import sqlalchemy

    limits: dict[str, Any] = {} if uri.startswith("sqlite") else {**LIMITS}
    if application_name is not None:
        limits["application_name"] = application_name
    # A connection that was cut while it was idle is made anew.
    how: dict[str, Any] = {"pool_pre_ping": True}
    if alone:
        how = {"poolclass": sqlalchemy.pool.NullPool, "isolation_level": "AUTOCOMMIT"}
    return sqlalchemy.create_engine(uri, connect_args=limits, **how)


def no_answer(uri: str, what: str, why: str) -> UserError:
    return UserError(
        f"the records are to be in {redact(uri)}, but no {what} answers there: {why}."
    )


def no_package(uri: str, error: ModuleNotFoundError) -> UserError:
    return UserError(
        f"{redact(uri)} needs the package {error.name}: pip install 'seqsearch[postgresql]'."
    )


def _with_limits(uri: str) -> str:
    """Let MLflow's own connections keep to the limits, unless the address says others."""
    import sqlalchemy

    url = sqlalchemy.make_url(uri)
    limits = {name: str(value) for name, value in LIMITS.items() if name not in url.query}
    return url.update_query_dict(limits).render_as_string(hide_password=False)


def _ask_server(uri: str) -> None:
    import requests

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise no_answer(uri, "MLflow server", type(error).__name__) from None


def _ask_database(uri: str) -> bool:
    """Return whether MLflow has made its tables in a database."""
    import sqlalchemy

    from tracking.commandline.errors import cause

    try:
        engine = connect(uri)
        there: bool = sqlalchemy.inspect(engine).has_table("experiments")
        engine.dispose()
    except ModuleNotFoundError as error:
        raise no_package(uri, error) from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise no_answer(uri, "database", cause(error)) from None
    return there
