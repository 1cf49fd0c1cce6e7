"""Where Optuna remembers: a SQLite file in the folder of the records, or --storage."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.cli import TRACKING_URI, UserError, add_address
from tracking.redaction import redact

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

    from search.engines.patient import PatientStorage
    from search.engines.sole import SoleStorage
    from tracking.patience import Patience

STORAGE = "SEQSEARCH_STORAGE"  # the variable that --storage sets
_BUSY_SECONDS = 5  # that SQLite waits for a lock before it is said that we wait


def add_storage(parser: ArgumentParser) -> None:
    """Add the option --storage."""
    said = "Optuna's memory: postgresql+psycopg://...; default: a file in mlruns"
    add_address(parser, "--storage", STORAGE, ("postgresql+psycopg://",), said)


def database(root: Path) -> Path | str:
    """Give the SQLite file of a folder, or the address that --storage named."""
    return os.environ.get(STORAGE) or root / "optuna.db"


def refuse_shared(address: str | None = None) -> None:
    """Refuse one database for MLflow and Optuna.

    Args:
        address: of Optuna's; default: the one that --storage named.

    Raises:
        UserError: if both are to use the same.
    """
    address = address or os.environ.get(STORAGE)
    if address and address == os.environ.get(TRACKING_URI):
        raise UserError(
            f"MLflow and Optuna cannot share a database, but both are to use {redact(address)}. "
            "Name two of them."
        )


def open_storage(database: Path | str, patience: Patience | None = None) -> PatientStorage:
    """Open Optuna's storage, and make its tables if they are not there.

    Args:
        database: a SQLite file, or the address of a database.
        patience: how long a call waits for a storage that is away or locked.

    Raises:
        UserError: if the database does not answer.
    """
    from optuna.storages import get_storage

    from search.engines.patient import PatientStorage
    from tracking.patience import Patience

    patience = patience or Patience()
    return PatientStorage(get_storage(_open(database, patience)), patience)


def open_sole(database: Path | str | None, patience: Patience | None = None) -> SoleStorage:
    """Open it for the one process that writes to its studies; None keeps them in memory."""
    from optuna.storages import InMemoryStorage

    from search.engines.sole import SoleStorage
    from tracking.patience import Patience

    patience = patience or Patience()
    opened = InMemoryStorage() if database is None else _open(database, patience)
    return SoleStorage(opened, patience)


def _open(database: Path | str, patience: Patience) -> BaseStorage:
    from sqlalchemy.exc import SQLAlchemyError

    from search.engines.patient import STORE
    from tracking.patience import cause

    if isinstance(database, Path):
        try:
            return patience.insist(STORE, lambda: _open_file(database))
        except (SQLAlchemyError, RuntimeError) as error:  # the latter of another version of Optuna
            raise UserError(
                f"{database} cannot be used by Optuna: {cause(error)}. Put a backup in its place, "
                "or move it away and add --fresh to search.run to start anew."
            ) from error
    return _open_address(database)


def _open_file(file: Path) -> RDBStorage:
    from sqlalchemy import event

    from search.engines.whole import WholeTrialStorage
    from tracking.address import sqlite_uri
    from tracking.disk import refuse_network
    from tracking.initialise import initialising

    refuse_network(file.parent)
    with initialising(file):
        arguments = {"connect_args": {"timeout": _BUSY_SECONDS}}
        storage = WholeTrialStorage(sqlite_uri(file), engine_kwargs=arguments)

    # Write-ahead logging makes a trial's writes 8 times faster here, and readers never wait.
    @event.listens_for(storage.engine, "connect")
    def _configure(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    storage.engine.dispose()
    return storage


def _open_address(address: str) -> RDBStorage:
    from sqlalchemy.exc import SQLAlchemyError

    from search.engines.whole import WholeTrialStorage
    from tracking.address import LIMITS, no_package
    from tracking.initialise import initialising
    from tracking.patience import cause

    refuse_shared(address)
    where = redact(address)
    # A connection that was cut while it was idle is made anew.
    arguments = {"pool_pre_ping": True, "connect_args": LIMITS}
    try:
        with initialising(address):
            return WholeTrialStorage(address, engine_kwargs=arguments)
    except ModuleNotFoundError as error:
        raise no_package(address, error) from None
    except SQLAlchemyError as error:
        raise UserError(
            f"Optuna is to remember in {where}, but no database answers there: {cause(error)}."
        ) from None
