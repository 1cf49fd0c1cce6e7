"""A trial that is given whole is written as Optuna writes it, in fewer statements."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from search.engines.whole import WholeTrialStorage

MANY: dict[str, BaseDistribution] = {
    "pooling": CategoricalDistribution(("mean", "max", None)),
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    **{f"units_{number}": IntDistribution(1, 64) for number in range(8)},
}

MIXED = {"units_3": MANY["units_3"], "new": IntDistribution(1, 64), "rate": MANY["rate"]}


def made(distributions: dict[str, BaseDistribution], last: int) -> FrozenTrial:
    values = {**dict.fromkeys((*MANY, "new"), 1), "pooling": "max", "rate": 0.1 + 0.2}
    given = {name: values[name] for name in distributions}
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime(2026, 11, 28, 12, 30, last),
        datetime_complete=None,
        params=given,
        distributions=distributions,
        user_attrs={"seed": last, "origin": "tpe", "fixed": {"text.maxlen": 100}},
        system_attrs={"fixed_params": {"rate": 0.5}},
        intermediate_values={1: 0.75},
    )


def begun(storage: RDBStorage) -> int:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return storage.create_new_study([StudyDirection.MAXIMIZE], "s")


def test_what_is_written_is_what_optuna_would_write(tmp_path: Path) -> None:
    found = []
    for kind in (RDBStorage, WholeTrialStorage):
        storage = kind(f"sqlite:///{tmp_path / kind.__name__}.db")
        study = begun(storage)
        for distributions in (MANY, MANY, MIXED):
            storage.create_new_trial(study, made(distributions, len(distributions)))
        storage.create_new_trial(study)
        found.append(storage.get_all_trials(study)[:3])
    assert found[0] == found[1]
    assert [list(trial.params) for trial in found[0]] == [list(one.params) for one in found[1]]
    assert found[1][1].params["rate"] == 0.1 + 0.2
    assert [trial.number for trial in found[1]] == [0, 1, 2]


def test_more_values_take_no_more_statements(tmp_path: Path) -> None:
    storage = WholeTrialStorage(f"sqlite:///{tmp_path / 'optuna.db'}")
    study = begun(storage)
    few = dict(list(MANY.items())[:2])
    counted = []
    for distributions in (MANY, few, MANY):  # the first is compared with what is there
        n_statements = 0

        def count(*_: object) -> None:
            nonlocal n_statements
            n_statements += 1

        event.listen(storage.engine, "after_cursor_execute", count)
        storage.create_new_trial(study, made(distributions, 1))
        event.remove(storage.engine, "after_cursor_execute", count)
        counted.append(n_statements)
    assert counted[1] == counted[2] < counted[0] / 2


def test_values_of_another_kind_are_refused_as_by_optuna(tmp_path: Path) -> None:
    storage = WholeTrialStorage(f"sqlite:///{tmp_path / 'optuna.db'}")
    study = begun(storage)
    storage.create_new_trial(study, made(MANY, 1))
    for _ in range(2):
        with pytest.raises(ValueError, match="Cannot set different distribution kind"):
            storage.create_new_trial(study, made({"rate": IntDistribution(1, 8)}, 1))
    assert len(storage.get_all_trials(study)) == 1
    storage.delete_study(study)
    assert begun(storage) == study  # the number is given again, and with it nothing is known
    storage.create_new_trial(study, made({"rate": IntDistribution(1, 8)}, 1))
    with pytest.raises(ValueError, match="Cannot set different distribution kind"):
        storage.create_new_trial(study, made(MANY, 1))


def test_what_was_not_committed_has_not_been_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = WholeTrialStorage(f"sqlite:///{tmp_path / 'optuna.db'}")
    study = begun(storage)

    def full(connection: object) -> None:
        raise OSError(28, "No space left on device")

    event.listen(storage.engine, "commit", full)
    with pytest.raises(OSError, match="No space"):
        storage.create_new_trial(study, made({"rate": IntDistribution(1, 8)}, 1))
    event.remove(storage.engine, "commit", full)
    storage.create_new_trial(study, made(MANY, 1))
    with pytest.raises(ValueError, match="Cannot set different distribution kind"):
        storage.create_new_trial(study, made({"rate": IntDistribution(1, 8)}, 1))
