"""The storage remembers what it wrote as a database gives it back, and writes a trial at once."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event

from search.engines.sole import SoleStorage
from search.engines.storage import open_sole


def opened(tmp_path: Path) -> SoleStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_sole(tmp_path / "optuna.db")
    assert isinstance(storage, SoleStorage)
    return storage


def as_it_is(trial: FrozenTrial) -> tuple[object, ...]:
    times = trial.datetime_start is None, trial.datetime_complete is None
    return (
        trial.number,
        trial._trial_id,
        trial.state,
        trial.values,
        trial.params,
        trial.distributions,
        trial.user_attrs,
        trial.system_attrs,
        trial.intermediate_values,
        times,
    )


def test_what_is_remembered_is_what_the_database_gives_back(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    study = optuna.create_study(
        storage=storage, study_name="s", direction="maximize", sampler=optuna.samplers.TPESampler()
    )
    study.enqueue_trial({"rate": 0.5, "units": 3}, user_attrs={"origin": "defaults"})
    for number in range(14):
        with storage.at_once():
            trial = study.ask()
            trial.suggest_float("rate", 0.1, 1.0, log=True)
            trial.suggest_int("units", 1, 8)
            trial.suggest_categorical("pooling", ("mean", "max"))
            trial.set_user_attr("seed", number)
        for epoch in (1, 2):
            trial.report(float("nan") if number == 5 else epoch / 10, epoch)
        if number == 3:
            study.tell(number, state=TrialState.FAIL)
        elif number % 4 == 2:
            study.tell(number, state=TrialState.PRUNED)
        elif number < 12:
            study.tell(number, number / 10)
    remembered = [as_it_is(trial) for trial in study.get_trials(deepcopy=False)]
    there = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert str(remembered) == str([as_it_is(trial) for trial in there.trials])  # NaN is not NaN
    assert [t[0] for t in remembered] == list(range(14))


def test_a_trial_is_written_in_one_transaction_or_not_at_all(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    study = optuna.create_study(storage=storage, study_name="s")
    assert not study.get_trials()  # read once, before we count
    n_commits = 0

    def count(connection: object) -> None:
        nonlocal n_commits
        n_commits += 1

    event.listen(storage._storage.engine, "commit", count)  # type: ignore[attr-defined]
    with storage.at_once():
        trial = study.ask()
        for name in "abcdef":
            trial.suggest_float(name, 0.0, 1.0)
        trial.set_user_attr("asked", True)
    assert n_commits == 1

    with pytest.raises(ValueError, match="low <= high"), storage.at_once():
        study.ask().suggest_float("a", 1.0, 0.0)
    assert [trial.number for trial in study.get_trials(deepcopy=False)] == [0]
    with storage.at_once():
        assert study.ask().number == 1
    there = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert [trial.number for trial in there.trials] == [0, 1]


def test_trials_share_their_distributions(tmp_path: Path) -> None:
    """Thousands of trials are remembered at once."""
    for _ in range(2):  # as they are asked for, and as they are read at the next start
        storage = opened(tmp_path)
        study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
        for _ in range(3):
            with storage.at_once():
                trial = study.ask()
                trial.suggest_float("a", 0.0, 1.0)
            study.tell(trial.number, 0.5)
        trials = study.get_trials(deepcopy=False)
        assert len({id(trial.distributions) for trial in trials}) == 1


def test_a_forgotten_trial_is_read_again_and_is_what_it_was(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    ends = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    for number in range(9):
        with storage.at_once():
            trial = study.ask()
            trial.suggest_float("rate", 0.1, 1.0, log=True)
            trial.set_user_attr("seed", number)
        trial.report(float("nan") if number == 3 else number / 9, 1)
        value = number / 9 if number % 3 == 0 else None
        study.tell(number, value, state=ends[number % 3])
    under_way = study.ask().number

    def seen() -> list[object]:
        selections = (None, (TrialState.COMPLETE,), (TrialState.FAIL, TrialState.RUNNING), ())
        return [
            *(str([as_it_is(t) for t in study.get_trials(False, s)]) for s in selections),
            *(storage.get_n_trials(study._study_id, state) for state in (None, *ends)),
            str([as_it_is(storage.get_trial(trial_id)) for trial_id in ids]),
            [storage.get_trial_id_from_study_id_trial_number(1, n) for n in range(10)],
        ]

    ids = [trial._trial_id for trial in study.get_trials()]
    before = seen()
    for number in (0, 1, 2, 3, 7):
        storage.forget(ids[number])
    assert seen() == before
    storage.reads_forgotten = False
    left = [trial.number for trial in study.get_trials()]
    assert left == [4, 5, 6, 8, under_way]
    assert study.ask().number == 10  # the forgotten keep their numbers


def test_a_forgotten_trial_has_ended_for_good(tmp_path: Path) -> None:
    storage = opened(tmp_path)
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    trial_id = study.ask()._trial_id
    study.tell(0, 0.5)
    storage.forget(trial_id)
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial_id, TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_user_attr(trial_id, "late", 1)
    with pytest.raises(ValueError, match="Cannot tell a COMPLETE"):
        study.tell(0, 0.6)
    with pytest.raises(KeyError):
        storage.get_trial_id_from_study_id_trial_number(study._study_id, 1)
    assert study.best_value == 0.5
