"""A reader sees all that is written, and reads again only what can have changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import (
    build_data,
    build_epochs,
    build_score,
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    write_study,
    write_trial,
)
from tracking import store
from tracking.commandline.errors import UserError
from tracking.records import State
from tracking.schema import trial_layout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the trials that were read, one after another."""
    seen: list[int] = []
    read_trial = trial_layout.read_trial

    def noted(client, run):
        trial = read_trial(client, run)
        seen.append(trial.number)
        return trial

    monkeypatch.setattr(trial_layout, "read_trial", noted)
    return seen


def test_a_reader_sees_each_epoch_of_a_trial_under_way_and_its_end(root: Path) -> None:
    study = open_study(root)
    reader = store.follow(root, "lstm")
    assert reader.read().trials == ()
    log = study.open_trial(0, "lstm", {}, seed=1, proposed_by="defaults", data=build_data())

    seen = []
    for epoch in build_epochs(0.7, 0.8):
        log.epoch(epoch)
        seen.append(len(reader.read().trials[0].epochs))
    log.close("pruned", None, reason="poor", seconds=1.0)

    assert seen == [1, 2]
    assert reader.read().trials[0].state == "pruned"
    assert reader.read() == store.read_study(root, "lstm")


def test_a_trial_that_has_ended_is_read_once(root: Path, reads: list[int]) -> None:
    study = write_study(root, build_study(build_trial(0), build_trial(1, state="pruned")))
    reader = store.follow(root, "lstm")
    reader.read()
    write_trial(study, build_trial(2, state="running"))
    reads.clear()

    assert [trial.number for trial in reader.read().trials] == [0, 1, 2]
    assert reads == [2]
    reader.read()
    assert reads == [2, 2]


def test_a_run_that_is_deleted_while_its_trial_trains_is_named_and_forgotten(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0))
    log = study.open_trial(1, "lstm", {}, seed=1, proposed_by="tpe", data=build_data())
    reader = store.follow(root, "lstm")
    assert [trial.number for trial in reader.read().trials] == [0, 1]

    client_of(root).delete_run(log.run_id)
    with pytest.raises(UserError, match=f"run {log.run_id} was deleted in MLflow while"):
        log.epoch(build_epochs(0.7)[0])

    assert [trial.number for trial in reader.read().trials] == [0]
    records = store.reopen_study(root, "lstm")
    records.begin()
    assert [trial.number for trial in records.history] == [0]


def test_the_command_and_the_commit_of_a_trial_are_on_record(root: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        "tracking.schema.environment.command", lambda: "python -m search.run --seed 3"
    )
    write_study(root, build_study(build_trial(0)))
    (trial,) = store.read_study(root, "lstm").trials

    assert store.command_of(root, trial).command == "python -m search.run --seed 3"


def test_a_score_that_is_no_number_makes_no_candidate() -> None:
    trial = build_trial(0)
    nan = replace(trial, score=build_score(trial.epochs, val_accuracy=float("nan")))

    assert [trial.number for trial in build_study(nan, build_trial(1)).candidates] == [1]


@pytest.mark.parametrize("state", ["interrupted", "pruned"])
def test_a_reader_sees_that_a_trial_goes_on(tmp_path: Path, state: State) -> None:
    root = place_database(tmp_path)
    study = open_study(root)
    write_trial(study, build_trial(0, 0.8, state=state))
    reader = store.follow(root, "lstm")
    assert [trial.state for trial in reader.read().trials] == [state]
    log = study.continue_trial(study.trial(0), build_data())
    log.epoch(build_trial(0, 0.8, 0.9).epochs[1])
    (trial,) = reader.read().trials
    assert (trial.state, len(trial.epochs)) == ("running", 2)
