"""Where Optuna remembers: a SQLite file in the folder of the records, or --storage."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.cli import TRACKING_URI, UserError, add_address
from tracking.environment import redact

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

STORAGE = "SEQSEARCH_STORAGE"  # the variable that --storage sets
_SECONDS = 10


def add_storage(parser: ArgumentParser) -> None:
    """Add the option --storage."""
    said = "Optuna's memory: postgresql+psycopg://...; default: a file in mlruns"
    add_address(parser, "--storage", STORAGE, ("postgresql+psycopg://",), said)


def database(root: Path) -> Path | str:
    """Give the SQLite file of a folder, or the address that --storage named."""
    return os.environ.get(STORAGE) or root / "optuna.db"


def open_storage(database: Path | str) -> RDBStorage:
    """Open Optuna's storage, and make its tables if they are not there.

    Args:
        database: a SQLite file, or the address of a database.

    Raises:
        UserError: if the database does not answer.
    """
    return _open_file(database) if isinstance(database, Path) else _open_address(database)


def _open_file(file: Path) -> RDBStorage:
    from filelock import FileLock
    from optuna.storages import RDBStorage
    from sqlalchemy import event

    # Two processes that make the tables at once get in each other's way.
    with FileLock(file.with_suffix(".lock")):
        arguments = {"connect_args": {"timeout": 60}}
        storage = RDBStorage(f"sqlite:///{file}", engine_kwargs=arguments)

    # Write-ahead logging makes a trial's writes 8 times faster here, and readers never wait.
    @event.listens_for(storage.engine, "connect")
    def _configure(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    storage.engine.dispose()
    return storage


def _open_address(address: str) -> RDBStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    # A connection that was cut while it was idle is made anew.
    arguments = {"pool_pre_ping": True, "connect_args": {"connect_timeout": _SECONDS}}
    where = redact(address)
    if address == os.environ.get(TRACKING_URI):
        raise UserError(
            f"MLflow and Optuna cannot share a database, but both are to use {where}. "
            "Name two of them."
        )
    try:
        return RDBStorage(address, engine_kwargs=arguments)
    except (ImportError, ModuleNotFoundError) as error:
        raise UserError(f"{where} needs psycopg: pip install 'seqsearch[postgresql]'.") from error
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise UserError(
            f"Optuna is to remember in {where}, but no database answers there: {redact(cause)}."
        ) from None
