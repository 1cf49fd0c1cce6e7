"""A study of Optuna's and the records that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from tracking.cli import UserError
from tracking.redaction import redact


def open_owned(
    storage: BaseStorage,
    name: str,
    owner: str,
    *,
    database: Path | str | None,
    known: Callable[[str], bool],
    two_goals: bool,
) -> optuna.Study:
    """Open a study of these records; made if it is not there.

    Args:
        owner: id of the records that belong to it.
        database: where it is kept, for people.
        known: tells of another owner whether it is among these records too. If so, its study is
            what a half-finished `--fresh` left behind, and is put aside.

    Raises:
        UserError: if it is somebody else's.
    """
    study = _open(storage, name, two_goals)
    before = study.user_attrs.get("owner", owner)
    if before != owner:
        if not (known(before) or isinstance(database, Path)):
            raise UserError(
                f"the search of {name} in {redact(str(database))} belongs to other records, "
                f"run {before} of another MLflow. Name those (--tracking-uri), or another "
                "--storage."
            )
        _put_aside(storage, study)
        study = _open(storage, name, two_goals)
    return study


def _open(storage: BaseStorage, name: str, two_goals: bool) -> optuna.Study:
    directions: Any = ["maximize", "minimize"] if two_goals else ["maximize"]
    return optuna.create_study(
        storage=storage, study_name=name, directions=directions, load_if_exists=True
    )


def _put_aside(storage: BaseStorage, study: optuna.Study) -> None:
    name = study.study_name
    aside = f"{name}-of-{study.user_attrs['owner']}"
    if aside in optuna.get_all_study_names(storage):  # half a copy, if we were killed here
        optuna.delete_study(study_name=aside, storage=storage)
    optuna.copy_study(
        from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=aside
    )
    optuna.delete_study(study_name=name, storage=storage)
